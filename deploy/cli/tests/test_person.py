"""What is held about somebody, on the real engines: everything of a person who is planted in three services, ids and dates of who is erased."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from deploy.cli.person import Holding
from deploy.cli.tests.conftest import Cli
from deploy.local.kafka import KafkaLogin
from libs.bus.tests.stage import WORKER, Stage, make_state_topic, running, some, until
from libs.events.entitlements import ContactErased, ContactState
from libs.store.ids import new_id
from services.cases.app import service as cases_service
from services.cases.model.note import Note
from services.cases.tests.builders import a_request
from services.entitlements.app import service as entitlements_service
from services.onsite.app import service as onsite_service
from services.onsite.model.technician import Booking, Technician
from tests.support.harness import Harness, harness_fixture, service_database

cases, entitlements, onsite = map(harness_fixture, (cases_service, entitlements_service, onsite_service))
NAME, MAIL, OTHER = "Phạm Thị Quên", "quen@saomai.example", "Trần Thị Bích"


@pytest.fixture
async def told(
    polyplus: Cli, stage: Stage, postgres_url: str, kafka_login: KafkaLogin, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The real databases of three services, and a state topic of the stage's."""
    topic = await make_state_topic(stage, kafka_login)
    monkeypatch.setattr("deploy.services.STATE_TOPICS", (topic,))
    monkeypatch.setattr("deploy.topics.PUBLISHERS", ("rma",))
    services = ("cases", "entitlements", "onsite")
    at = {f"{each.upper()}_DATABASE_URL": (await service_database(postgres_url, each))[1] for each in services}
    login = {f"RMA_KAFKA_{what}": getattr(stage.kafka, what.lower()) for what in ("USER", "PASSWORD")}
    polyplus.knows(RMA_DATABASE_URL=stage.url, KAFKA_BOOTSTRAP=stage.kafka.bootstrap, **at, **login)
    return topic


async def made(h: Harness, path: str, body: dict[str, Any], role: str = "admin", **how: Any) -> str:
    answer = await h.post(path, body, role=role, **how)
    assert answer.status_code < 300, answer.text
    return str(answer.json().get("id"))


async def planted(cases: Harness, entitlements: Harness) -> tuple[UUID, UUID]:
    """A contact who asked for a case and wrote a note; and a colleague, who asked for one as well."""
    account = await made(entitlements, "/v1/accounts", {"name": "Sao Mai", "country": "VN", "time_zone": "UTC"})
    body = {"account_id": account, "authorised": True, "language": "vi"}
    quen = UUID(await made(entitlements, "/v1/contacts", {**body, "name": NAME, "email": MAIL}))
    bich = UUID(await made(entitlements, "/v1/contacts", {**body, "name": OTHER}))
    states = await entitlements.states(ContactState)
    await cases.learn({id: state for id, state in states.items() if state})
    for contact, name in ((quen, NAME), (bich, OTHER)):
        request = a_request(account_id=account, contact_id=str(contact), reporter_name=name)
        case = await made(cases, "/v1/cases", request, role="engineer", key=str(contact))
        note = {"text": f"Đã thử lại, {name}", "visibility": "public"}
        await made(cases, f"/v1/cases/{case}/notes", note, role="customer", accounts=[UUID(account)])
        async with cases.transaction() as tx:
            [written] = await tx.select(Note, Note.c.case_id == UUID(case), lock=True)
            written.by, written.author_name = f"customer:{contact}", name
    return quen, UUID(account)


async def held(polyplus: Cli, id: UUID, *asked: str) -> Any:
    found = await polyplus("person", str(id), *(asked or ("--json",)))
    assert (found.code, found.err) == (0, ""), found.err
    return found.json()


def of(whole: Any, place: str) -> list[dict[str, Any]]:
    return [each for each in whole["held"] if each["place"].partition("/")[0] == place]


async def test_all_is_given_of_somebody_and_nothing_of_a_colleague(
    polyplus: Cli, stage: Stage, told: str, cases: Harness, entitlements: Harness, onsite: Harness
) -> None:
    quen, account = await planted(cases, entitlements)
    await onsite.learn(
        {quen: ContactState(account_id=account, name=NAME, phone="+84 28", language="vi", authorised=True)}
    )
    async with stage.database.transaction(WORKER) as tx:
        stage.tell(tx, quen, NAME)

    async def sent() -> bool:
        return bool(of(await held(polyplus, quen), told))

    async with running(stage.relay(state_topics=frozenset({told})).run):
        await until(sent, "it is on the topic")
    file = polyplus.home / "quen.json"
    shown = await polyplus("person", str(quen), "--export", str(file))
    whole = json.loads(file.read_text("utf-8"))

    assert (file.stat().st_mode & 0o777, whole["erased_at"]) == (0o600, None)
    [own] = of(whole, "entitlements.contacts")
    assert own["personal"].items() >= {"name": NAME, "email": MAIL}.items()
    assert own["ids"]["account_id"] == str(account)
    [replica] = of(whole, "onsite.contacts")
    assert replica["personal"] == {"name": NAME, "phone": "+84 28"}
    [case] = of(whole, "cases.cases")
    assert (case["named_as"], case["personal"]) == (["contact_id"], {"reporter_name": NAME})
    [note] = of(whole, "cases.notes")
    assert (note["named_as"], note["said"]["text"]) == (["by"], f"Đã thử lại, {NAME}")
    places = {each["place"].partition("/")[0] for each in whole["held"]}
    kept = {"cases.idempotency_keys", "cases.outbox", "entitlements.states", "entitlements.outbox", "rma.states", told}
    assert kept <= places, kept - places
    assert OTHER not in file.read_text("utf-8")
    assert [each for each in ("cases.notes", "reporter_name") if each not in shown.out] == []


async def test_of_who_is_erased_there_are_ids_and_dates(
    polyplus: Cli, told: str, cases: Harness, entitlements: Harness, onsite: Harness
) -> None:
    quen, _ = await planted(cases, entitlements)
    await made(entitlements, f"/v1/contacts/{quen}/erase", {"reason": "DSR-17"}, role="manager")
    [fact] = await entitlements.events(ContactErased)
    await cases.deliver(fact)

    whole = await held(polyplus, quen)

    assert whole["erased_at"]
    [note] = of(whole, "cases.notes")
    assert note["dates"].keys() == {"added_at"}
    assert (note["ids"]["by"], note["personal"]) == (f"customer:{quen}", [])
    assert "text" in note["said"]
    assert [each for each in whole["held"] if each["personal"]] == []
    assert NAME not in json.dumps(whole, ensure_ascii=False)
    assert "Đã thử" not in json.dumps(whole, ensure_ascii=False)


async def test_who_is_a_technician_is_found_under_that_id_too(polyplus: Cli, told: str, onsite: Harness) -> None:
    [lan, technician] = some(2)
    diary: Any = {"work_order_id": new_id(), "appointment_id": new_id(), "technician_id": technician}
    async with onsite.transaction() as tx:
        tx.add(a_technician_called("Lan", id=technician, person_id=lan, created_at=tx.now))
        slot: Any = {"leaves_at": tx.now, "starts": tx.now, "ends": tx.now + timedelta(hours=1)}
        tx.add(Booking(id=new_id(), latitude=None, longitude=None, **diary, **slot))
    whole = await held(polyplus, lan)
    assert whole["stands_for"] == [str(technician)]
    assert {each["place"] for each in whole["held"]} == {"onsite.technicians", "onsite.bookings"}


async def test_nothing_is_held_of_an_unknown_id(polyplus: Cli, told: str) -> None:
    assert (await held(polyplus, new_id()))["held"] == []
    said = await polyplus("person", str(new_id()))
    assert said.out.startswith("nothing is held of it")


def a_technician_called(name: str, **fields: Any) -> Technician:
    lists: Any = {each: [] for each in ("authorisations", "skills", "territories", "hours", "absences")}
    none: Any = dict.fromkeys(("email", "phone", "holidays_country", "home"))
    return Technician(name=name, time_zone="UTC", active=True, **lists, **none, **fields)


def given(content: dict[str, Any], id: UUID, *, own: bool = True) -> list[dict[str, Any]]:
    holding = Holding(str(id), own=own)
    holding.row("x", "", content)
    return [{"within": each.within, "personal": each.personal, "said": each.said} for each in holding.held]


def test_what_is_given_of_an_object() -> None:
    id, other = some(2)
    mine = {"contact_id": str(id), "consent_given_by": "An"}
    theirs = {"contact_id": str(other), "consent_given_by": "Bích"}
    row = {"id": str(new_id()), "requests": [mine, theirs], "text": "x"}
    assert given(row, id) == [{"within": "requests.0", "personal": {"consent_given_by": "An"}, "said": {}}]
    whole = {"person_id": str(id), "home": {"lat": 1.5}, "seen": [{"by": f"x:{other}"}], "secret_hash": "z"}
    assert given(whole, id) == [{"within": "", "personal": {}, "said": {"home": {"lat": 1.5}}}]
    assert given({"members": [str(id), str(other)], "name": "A"}, id)[0]["personal"] == {}
    assert given({"technician_id": str(id), "signer": "Bích"}, id, own=False)[0]["personal"] == {}


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    from deploy.cli.arguments import WrongUsage
    from deploy.cli.person import _write

    with pytest.raises(WrongUsage, match="No such file"):
        _write(str(tmp_path / "none" / "x.json"), "{}")
