"""Time that we spent on a case: ours to see, and corrected by taking it back."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events import Event
from libs.events.cases_work import InternalTextRedacted
from libs.events.gateway import PersonErased
from services.cases.tests.builders import CUSTOMER, LAN_ID, did, in_progress, opened, resolved, shown
from tests.support.harness import Harness
from tests.support.people import LAN
from tests.support.refusals import refusal

MANAGER: dict[str, Any] = {"role": "manager"}
CALL = {"minutes": 25, "kind": "call"}


async def entered(h: Harness, case_id: UUID, **fields: Any) -> dict[str, Any]:
    return await did(h, case_id, "time-entries", {**CALL, **fields})


async def entries(h: Harness, case_id: UUID, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await h.get(f"/v1/cases/{case_id}/time-entries{query}")).json()["items"]
    return found


async def test_time_is_entered_listed_and_added_up(cases: Harness) -> None:
    case_id = await in_progress(cases)
    earlier = (await cases.now() - timedelta(hours=3)).isoformat()
    await entered(cases, case_id, words="Asked for the log.")
    await entered(cases, case_id, minutes=40, kind="research", spent_at=earlier)
    newest, oldest = await entries(cases, case_id)
    assert (newest["minutes"], newest["words"], newest["person"]["name"]) == (25, "Asked for the log.", "Lan")
    assert (oldest["minutes"], oldest["kind"], oldest["person"]["id"]) == (40, "research", str(LAN_ID))
    assert (await shown(cases, case_id))["minutes_spent"] == 65
    assert [each["minutes"] for each in await entries(cases, case_id, "?kind=research")] == [40]


async def test_no_customer_sees_any_of_it(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await entered(cases, case_id, words="A difficult call.")
    for role in ("customer", "reseller", "integrator", "partner"):
        who = {**CUSTOMER, "role": role}
        assert (await cases.get(f"/v1/cases/{case_id}/time-entries", **who)).status_code == 403
        read = await cases.get(f"/v1/cases/{case_id}", **who)
        assert (read.status_code, read.json()["minutes_spent"]) == (200, None)
        assert refusal(await cases.post(f"/v1/cases/{case_id}/time-entries", CALL, **who)) == (403, "forbidden")
    told: list[Event] = await cases.events()
    assert not [each for each in told if "difficult" in each.model_dump_json()]


async def test_what_was_wrong_is_withdrawn_and_counts_no_more(cases: Harness) -> None:
    case_id = await in_progress(cases)
    wrong, _ = await entered(cases, case_id, minutes=600), await entered(cases, case_id, minutes=60)
    path = f"time-entries/{wrong['id']}/withdraw"
    withdrawn = await did(cases, case_id, path)
    assert withdrawn["withdrawn_by"] == f"engineer:{LAN_ID}"
    assert (await shown(cases, case_id))["minutes_spent"] == 60
    assert [each["minutes"] for each in await entries(cases, case_id, "?withdrawn=true")] == [600]
    assert [each["minutes"] for each in await entries(cases, case_id, "?withdrawn=false")] == [60]
    assert refusal(await cases.post(f"/v1/cases/{case_id}/{path}")) == (409, "withdrawn-already")


async def test_time_is_withdrawn_by_whoever_spent_it_or_a_manager(cases: Harness) -> None:
    case_id = await in_progress(cases)
    first, second = await entered(cases, case_id), await entered(cases, case_id)
    path = f"/v1/cases/{case_id}/time-entries"
    answer = await cases.post(f"{path}/{first['id']}/withdraw", person_id=uuid4())
    assert refusal(answer) == (409, "somebody-elses-time")
    assert (await shown(cases, case_id))["minutes_spent"] == 50
    await did(cases, case_id, f"time-entries/{second['id']}/withdraw", **MANAGER, person_id=uuid4())
    other = await opened(cases, serial="SN-2")
    assert (await cases.post(f"/v1/cases/{other}/time-entries/{first['id']}/withdraw")).status_code == 404


async def test_a_manager_enters_the_time_of_others_and_an_engineer_does_not(cases: Harness) -> None:
    case_id, mei = await in_progress(cases), uuid4()
    await cases.learn({mei: LAN.model_copy(update={"display_name": "Mei"})})
    body = {**CALL, "person_id": str(mei)}
    path = f"/v1/cases/{case_id}/time-entries"
    assert refusal(await cases.post(path, body)) == (403, "forbidden")
    entry = await did(cases, case_id, "time-entries", body, **MANAGER)
    assert (entry["person"]["name"], entry["by"]) == ("Mei", f"manager:{LAN_ID}")
    answer = await cases.post(path, {**CALL, "person_id": str(uuid4())}, **MANAGER)
    assert refusal(answer)[0] in (422, 503)
    assert refusal(await cases.post(path, CALL, person_id=None)) == (422, "person-required")
    assert len(await entries(cases, case_id)) == 1


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"minutes": 0}, "/minutes"),
        ({"minutes": 1441}, "/minutes"),
        ({"kind": "sleep"}, "/kind"),
        ({"spent_at": "2030-01-01"}, "/spent_at"),
    ],
)
async def test_what_is_no_time_is_refused(fields: dict[str, Any], where: str, cases: Harness) -> None:
    case_id = await in_progress(cases)
    answer = await cases.post(f"/v1/cases/{case_id}/time-entries", {**CALL, **fields})
    assert refusal(answer) == (422, where)
    assert await entries(cases, case_id) == []


async def test_time_is_not_entered_before_it_is_spent(cases: Harness) -> None:
    case_id = await in_progress(cases)
    later = (await cases.now() + timedelta(hours=1)).isoformat()
    answer = await cases.post(f"/v1/cases/{case_id}/time-entries", {**CALL, "spent_at": later})
    assert refusal(answer) == (422, "not-worked-yet")
    assert await entries(cases, case_id) == []


async def test_time_is_entered_after_the_end_too_but_not_on_a_duplicate(cases: Harness) -> None:
    case_id = await resolved(cases)
    await did(cases, case_id, "close")
    await entered(cases, case_id)
    assert (await shown(cases, case_id))["minutes_spent"] == 25
    survivor, duplicate = await opened(cases, serial="SN-2"), await opened(cases, serial="SN-2")
    await did(cases, duplicate, "merge", {"into": str(survivor), "reason": "they asked twice"})
    answer = await cases.post(f"/v1/cases/{duplicate}/time-entries", CALL)
    assert refusal(answer) == (422, "case-closed-to-commands")


async def test_of_who_is_forgotten_the_minutes_stay_and_no_name(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await entered(cases, case_id)
    await cases.deliver(PersonErased(person_id=LAN_ID, by="admin:1", erased_at=await cases.now()))
    [entry] = await entries(cases, case_id)
    assert (entry["person"]["name"], entry["person"]["state"], entry["minutes"]) == (None, "erased", 25)


async def test_its_words_can_be_taken_out(cases: Harness) -> None:
    case_id = await in_progress(cases)
    entry = await entered(cases, case_id, words="The password is hunter2")
    body = {"what": "time_entry", "text_id": entry["id"], "reason": "a password", "replacement": "(a password)"}
    await did(cases, case_id, "redact", body, **MANAGER)
    [left] = await entries(cases, case_id)
    assert (left["words"], left["minutes"], left["redacted"]["reason"]) == ("(a password)", 25, "a password")
    [told] = await cases.events(InternalTextRedacted)
    assert (told.what, str(told.id)) == ("time_entry", entry["id"])
