"""The simulated partner's ticket system over real HTTP, telling a real receiver."""

from typing import Any

import httpx
import pytest

from deploy.local.waiting import until_async
from deploy.simulators.tests.receiving import PATIENCE, Receiver
from deploy.simulators.tests.stage import Stage, a_request
from deploy.simulators.tickets import PATH
from deploy.simulators.tmf621 import SHOWN

STATUSES = {"acknowledged", "rejected", "pending", "held", "inProgress", "cancelled", "closed", "resolved"}


def a_note(text: str) -> dict[str, str]:
    return {"@type": "Note", "text": text}


async def test_a_ticket_is_opened_with_a_number_and_shown_in_the_words_of_tmf621(stage: Stage) -> None:
    answer = await stage.http.post(PATH, json=a_request())
    ticket = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == ticket["href"]
    assert ticket["@type"] == "TroubleTicket"
    assert ticket["status"] in STATUSES
    assert ticket["externalIdentifier"][0] == {"@type": "ExternalIdentifier", "id": "PE-2026-000042", "owner": "Poly+"}
    assert ticket["note"][0]["text"].startswith("Findings")
    assert ticket["statusChangeHistory"][0]["status"] == "acknowledged"
    assert (await stage.http.get(ticket["href"])).json() == ticket


async def test_a_second_post_makes_a_second_ticket_and_the_search_finds_both(stage: Stage) -> None:
    first, second = await stage.open(), await stage.open()
    assert first["id"] != second["id"]
    assert [each["id"] for each in await stage.search("PE-2026-000042")] == [first["id"], second["id"]]
    assert await stage.search("PE-2026-000043") == []


async def test_what_a_ticket_needs_is_asked_for_with_a_tmf_error(stage: Stage) -> None:
    refused = await stage.http.post(PATH, json={"@type": "TroubleTicket", "description": "broken"})
    assert refused.status_code == 400
    assert refused.json()["@type"] == "Error"
    assert "ticketType" in refused.json()["reason"]
    assert (await stage.http.get(f"{PATH}/TT-0")).status_code == 404


@pytest.mark.parametrize(
    ("what", "kind", "status"),
    [
        ("acknowledge", "status", "acknowledged"),
        ("progress", "status", "inProgress"),
        ("require-information", "information_required", "pending"),
        ("note", "note", "acknowledged"),
        ("resolve", "resolved", "resolved"),
        ("close", "closed", "closed"),
        ("reject", "status", "rejected"),
    ],
)
async def test_what_the_partners_engineer_does_is_told(
    stage: Stage, receiver: Receiver, what: str, kind: str, status: str
) -> None:
    ticket = await stage.open()
    assert (await stage.does(ticket, what, text="Looked at it")).json()["status"] == status
    await receiver.hears(1)
    [told] = receiver.heard
    assert receiver.ids == [told.pop("event_id")]
    assert told.pop("occurred_at").endswith("+00:00")
    assert told == {
        "partner_reference": ticket["id"],
        "our_reference": "PE-2026-000042",
        "kind": kind,
        "status": status,
        "text": "Looked at it",
        "sequence": 1,
    }
    assert (await stage.show(ticket))["note"][-1]["text"] == "Looked at it"


async def test_a_status_that_no_contract_knows_is_told_as_it_is(stage: Stage, receiver: Receiver) -> None:
    await stage.does(await stage.open(), "status", status="awaitingVendor")
    await receiver.hears(1)
    assert receiver.heard[0]["status"] == "awaitingVendor"


async def test_a_question_needs_a_text(stage: Stage) -> None:
    assert (await stage.does(await stage.open(), "require-information")).status_code == 400


async def test_a_closed_ticket_takes_notes_and_no_more_changes(stage: Stage) -> None:
    ticket = await stage.open()
    await stage.does(ticket, "close")
    assert (await stage.does(ticket, "progress")).status_code == 409
    assert (await stage.does(ticket, "note", text="afterthought")).status_code == 200


async def test_a_resolved_ticket_can_be_taken_up_again(stage: Stage) -> None:
    ticket = await stage.open()
    assert "resolutionDate" in (await stage.does(ticket, "resolve")).json()
    assert (await stage.does(ticket, "progress")).json()["status"] == "inProgress"


async def test_our_own_changes_are_kept_and_not_told_back(stage: Stage, receiver: Receiver) -> None:
    ticket = await stage.open()
    patch = {
        "@type": "TroubleTicket", "status": "cancelled", "statusChangeReason": "case cancelled",
        "note": [*ticket["note"], a_note("Withdrawn")],
    }  # fmt: skip
    changed = (await stage.http.patch(f"{PATH}/{ticket['id']}", json=patch)).json()
    assert (changed["status"], changed["statusChangeReason"]) == ("cancelled", "case cancelled")
    assert [each["text"] for each in changed["note"]][1:] == ["Withdrawn"]
    assert stage.partner.memory.owed() == 0
    assert receiver.attempts == []


async def test_an_echoing_partner_tells_us_our_own_changes(stage: Stage, receiver: Receiver) -> None:
    await stage.faults(echo=True)
    ticket = await stage.open()
    await stage.http.patch(
        f"{PATH}/{ticket['id']}",
        json={"@type": "TroubleTicket", "status": "held", "note": [*ticket["note"], a_note("Wait for us")]},
    )
    await receiver.hears(2)
    assert receiver.told("kind") == ["status", "note"]
    assert receiver.told("sequence") == [1, 2]


async def test_an_outcome_unknown_to_the_caller_is_found_by_the_callers_reference(stage: Stage) -> None:
    await stage.faults(lose_answer_rate=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await stage.open()
    assert len(await stage.search("PE-2026-000042")) == 1


async def test_a_forgetful_partner_gives_a_number_that_it_does_not_know(stage: Stage) -> None:
    await stage.faults(forget_rate=1)
    ticket = await stage.open()
    assert (await stage.http.get(ticket["href"])).status_code == 404
    assert await stage.search("PE-2026-000042") == []


async def test_a_refusing_partner_opens_nothing(stage: Stage) -> None:
    await stage.faults(reject=True)
    refused = await stage.http.post(PATH, json=a_request())
    assert (refused.status_code, refused.json()["@type"]) == (422, "Error")
    assert await stage.search("PE-2026-000042") == []


async def test_duplicates_carry_the_same_id(stage: Stage, receiver: Receiver) -> None:
    await stage.faults(duplicate_rate=1)
    await stage.does(await stage.open(), "progress")
    await receiver.hears(2)
    await until_async(lambda: stage.partner.memory.owed() == 0, seconds=PATIENCE, otherwise="still owed")
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1
    assert receiver.told("event_id") == receiver.ids


async def test_chances_repeat_with_their_seed(stage: Stage) -> None:
    async def outcomes() -> list[int]:
        await stage.faults(fail_rate=0.5, seed=7)
        return [(await stage.http.get(PATH)).status_code for _ in range(20)]

    first = await outcomes()
    assert set(first) == {200, 503}
    assert await outcomes() == first


PATCH_TYPES = [("application/json-patch+json", True), ("application/merge-patch+json", False)]


@pytest.mark.parametrize(("media_type", "others_stay"), PATCH_TYPES)
async def test_a_merged_note_replaces_the_others_and_an_added_one_leaves_them(
    stage: Stage, media_type: str, others_stay: bool
) -> None:
    ticket = await stage.open()
    added = [{"op": "add", "path": "/note/-", "value": a_note("More findings")}]
    body: Any = added if others_stay else {"@type": "TroubleTicket", "note": [a_note("More findings")]}
    answer = await stage.http.patch(f"{PATH}/{ticket['id']}", json=body, headers={"content-type": media_type})
    assert answer.status_code == 200, answer.text
    texts = [note["text"] for note in answer.json()["note"]]
    assert texts == ([ticket["note"][0]["text"]] if others_stay else []) + ["More findings"]


NOT_DEFINED: list[tuple[str, str, Any, int]] = [
    ("POST", "/{id}/note", a_note("x"), 404),
    ("GET", "/{id}/note", None, 404),
    ("PUT", "/{id}", {}, 405),
    ("POST", "/{id}", {}, 405),
    ("DELETE", "", None, 405),
    ("GET", "?externalIdentifier=x", None, 400),
    ("GET", "?externalIdentifier.id=x", None, 400),
    ("GET", "/{id}?expand=note", None, 400),
    ("PATCH", "/{id}", {"status": "held"}, 400),
    ("PATCH", "/{id}", {"@type": "TroubleTicket", "status": "reopened"}, 400),
    ("PATCH", "/{id}", {"@type": "TroubleTicket", "creationDate": "2026-01-01T00:00:00Z"}, 400),
    ("PATCH", "/{id}", {"@type": "TroubleTicket", "note": [{"text": "x"}]}, 400),
    ("POST", "", a_request() | {"customer": "x"}, 400),
    ("POST", "", {name: value for name, value in a_request().items() if name != "@type"}, 400),
    ("POST", "", a_request() | {"externalIdentifier": [{"@type": "ExternalIdentifier"}]}, 400),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), NOT_DEFINED)
async def test_what_the_standard_does_not_define_is_answered_with_its_error(
    stage: Stage, method: str, path: str, body: Any, status: int
) -> None:
    ticket = await stage.open()
    answer = await stage.http.request(method, PATH + path.replace("{id}", ticket["id"]), json=body)
    assert answer.status_code == status, answer.text
    assert answer.json().keys() >= {"@type", "code", "reason"}
    assert answer.json()["@type"] == "Error"
    assert await stage.show(ticket) == ticket


async def test_everything_beside_the_standards_paths_is_not_there(stage: Stage) -> None:
    for path in (
        "/",
        "/docs",
        "/openapi.json",
        "/tmf-api/troubleTicket/v4/troubleTicket",
        "/tmf-api/troubleTicket/v5/hub",
    ):
        answer = await stage.http.get(path)
        assert (answer.status_code, answer.json()["@type"]) == (404, "Error")


async def test_a_ticket_is_shown_with_the_standards_fields_alone(stage: Stage) -> None:
    ticket = await stage.open()
    await stage.does(ticket, "resolve", text="done")
    assert (await stage.show(ticket)).keys() <= SHOWN
