"""Every role on every route: a role sees the rows that docs/access.md gives it, and no other."""

from typing import Any
from uuid import uuid4

from libs.kit.auth import CUSTOMERS
from services.cases.app import service
from services.cases.tests.builders import ACCOUNT, CUSTOMER, LAN_ID, STRANGER, a_fault, a_request
from services.cases.tests.test_announcements import an_announcement
from tests.support.access import Row, World, bind, made, unclassified, wrong_commands, wrong_reads
from tests.support.harness import Harness

DUTY = {"time_zone": "UTC", "windows": [{"weekdays": [0], "opens": "08:00", "closes": "17:00"}]}


async def a_world(cases: Harness) -> World:
    """Two accounts with a case each and all that hangs below one; a problem that is published and one that is not."""
    bind(cases, ACCOUNT)
    mine, files = await a_case(cases, CUSTOMER)
    theirs, other_files = await a_case(cases, STRANGER)
    known, secret = [
        await made(cases, "/v1/problems", {"symptom": "no picture", "keywords": ["black", "đen"]}) for _ in range(2)
    ]
    body = {"response": "workaround", "reason": "it helps", "workaround": "use the other camera"}
    await made(cases, f"/v1/problems/{known}/respond", body)
    about_all, about_some = [
        await made(cases, "/v1/announcements", an_announcement(countries=countries)) for countries in ([], ["VN"])
    ]
    queue = {"code": "q", "name": "Q", "families": [], "languages": [], "shift": "day", "duty": DUTY}
    view: dict[str, Any] = {
        "name": "Mine",
        "query": "assignee=me",
        "shared_with": ["engineer", "manager", "ops", "admin"],
    }
    shared, unshared = [
        await made(cases, "/v1/views", {**view, "shared_with": roles}, person_id=uuid4())
        for roles in (view["shared_with"], list[str]())
    ]
    template = {"name": "Hello", "text_vi": "Chào quý khách", "text_en": "Hello"}
    reply = await made(cases, "/v1/reply-templates", template, role="manager")
    [public, internal], [other, _] = files, other_files
    return World(
        cases,
        rows={
            "/v1/cases": [Row(mine, frozenset({"accounts"})), Row(theirs)],
            "/v1/cases/{case_id}/attachments/{attachment_id}": [
                Row({**mine, "attachment_id": public}, frozenset({"public"})),
                Row({**mine, "attachment_id": internal}),
                Row({**theirs, "attachment_id": other}),
            ],
            "/v1/cases/{case_id}/followers": [Row(mine, frozenset({"accounts"})), Row(theirs)],
            "/v1/cases/{case_id}/satisfaction": [Row(mine, frozenset({"accounts"})), Row(theirs)],
            "/v1/cases/{case_id}/time-entries": [Row(each) for each in (mine, theirs)],
            "/v1/problems": [Row({"problem_id": known}, frozenset({"published"})), Row({"problem_id": secret})],
            "/v1/problems/{problem_id}/keyword-proposals": [Row({"problem_id": known}), Row({"problem_id": secret})],
            "/v1/views": [Row({"view_id": shared}, frozenset({"shared"})), Row({"view_id": unshared})],
            "/v1/announcements": [
                Row({"announcement_id": about_all}, frozenset({"concerned"})),
                Row({"announcement_id": about_some}),
            ],
            "/v1/reply-templates": [Row({"template_id": reply})],
            "/v1/reply-templates/{template_id}/preview": [Row({"template_id": reply})],
            "/v1/queues": [Row({"queue_id": await made(cases, "/v1/queues", queue, role="manager")})],
        },
        bodies={
            "/views": view,
            "/announcements": an_announcement(),
            "/mine": {"language": "en", "no_product_reason": "the service is down", "account_id": str(ACCOUNT)},
            "/end": {"reason": "it is over"},
            "/copy": {"name": "Mine too"},
            "/unlink": {"reason": "wrong"},
            "/assign": {},
            "/followers": {},
            "/cancellation": decision,
            "/correct": {"language": "en", "reason": "wrong"},
            "/incident": {"incident_id": known},
            "/leave": {"reason": "another fault"},
            "/merge": {"into": known, "reason": "the same"},
            "/problem": {"problem_id": known},
            "/respond": body,
        },
        queries={"/attachments": "?file_name=a.txt"},
    )


async def a_case(cases: Harness, customer: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Its ids, and those of a public and an internal file."""
    case_id = await made(cases, "/v1/cases", a_request(), **customer)
    path = f"/v1/cases/{case_id}"
    await made(cases, f"{path}/notes", {"text": "Among us.", "visibility": "internal"})
    ids = {
        "case_id": case_id,
        "diagnosis_id": await made(cases, f"{path}/diagnoses", a_fault()),
        "entry_id": await made(cases, f"{path}/time-entries", {"minutes": 5, "kind": "call"}, person_id=LAN_ID),
        "wait_id": await made(cases, f"{path}/waits", {"wait": "customer", "note": "Which firmware?"}),
    }
    kinds = ("public", "internal")
    return ids, [await made(cases, f"{path}/attachments?file_name=a.txt&visibility={kind}", {}) for kind in kinds]


def decision(role: str) -> dict[str, str]:
    if role in CUSTOMERS:
        return {"decision": "withdraw"}
    return {"decision": "decline", "reason": "the part has shipped"}


def test_every_route_is_in_the_table() -> None:
    assert unclassified(service) == []


async def test_each_role_reads_the_rows_that_the_table_gives_it(cases: Harness) -> None:
    assert await wrong_reads(await a_world(cases)) == []


async def test_nobody_commands_a_row_that_is_not_theirs(cases: Harness) -> None:
    assert await wrong_commands(await a_world(cases)) == []
