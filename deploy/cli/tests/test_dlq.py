"""Dead letters of a real service, on its own handlers, from the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest_asyncio

from deploy.cli.tests.conftest import Cli
from libs.bus.batch import OutOfOrder, Partition, bury, work
from libs.bus.envelope import Delivery
from libs.events.cases import CaseOpened
from libs.events.cases_work import NoteAdded
from services.escalation.app import service
from services.escalation.tests.builders import ACase
from tests.support.harness import Harness, service_database

TOPIC = "cases.events"


class Consuming:
    """The service's consumer, event by event: what its handlers refuse for good becomes a dead letter."""

    def __init__(self, escalation: Harness) -> None:
        self._escalation, self._next = escalation, 0

    async def __call__(self, delivery: Delivery, *, fails: Exception | None = None) -> None:
        """`fails` stands for what an earlier deployment made of this event."""
        partition, at = Partition("escalation", TOPIC, 3), self._next
        placed, self._next = replace(delivery, partition=3, offset=at), at + 1
        database = self._escalation.database
        async with database.pool.acquire() as connection:
            sql = "INSERT INTO consumer_offsets VALUES ('escalation', $1, 3, 0) ON CONFLICT DO NOTHING"
            await connection.execute(sql, TOPIC)
        try:
            if fails:
                raise fails
            await work(database, service.handlers, partition, at, [placed], next=at + 1)
        except (ValueError, OutOfOrder) as error:
            await bury(database, partition, at, placed, error)


@pytest_asyncio.fixture(loop_scope="session")
async def consuming(escalation: Harness, postgres_url: str, polyplus: Cli) -> AsyncIterator[Consuming]:
    _, url = await service_database(postgres_url, "escalation")
    polyplus.knows(ESCALATION_DATABASE_URL=url)
    yield Consuming(escalation)


def events_of(escalation: Harness, case: ACase) -> list[Delivery]:
    return [escalation.delivery(event) for event in (case.opened(), case.noted(1), case.noted(2))]


async def state_of(escalation: Harness, case: ACase) -> str | None:
    async with escalation.transaction() as tx:
        state: str | None = await tx.connection.fetchval("SELECT state FROM case_files WHERE id = $1", case.id)
        return state


async def test_a_key_is_listed_shown_and_after_the_cause_is_mended_replayed(
    polyplus: Cli, escalation: Harness, consuming: Consuming
) -> None:
    case = ACase()
    opened, *notes = events_of(escalation, case)
    await consuming(opened, fails=ValueError("the release\nbefore this one"))
    for note in notes:
        await consuming(note)

    listed = await polyplus("dlq", "list")
    assert listed.code == 1
    header, line = listed.out.splitlines()
    assert header.split("  ")[1] == "service"
    assert line.split()[:5] == ["escalation", TOPIC, str(case.id), CaseOpened.contract.ce_type, "2"]
    assert "ValueError: at deploy/cli/tests/test_dlq.py:" in line
    [letter] = (await polyplus("dlq", "list", "--json", "--service", "escalation")).json()
    assert (letter["key"], letter["waiting"], letter["partition"], letter["record_offset"]) == (str(case.id), 2, 3, 0)

    shown = (await polyplus("dlq", "show", str(case.id), "--json")).json()
    assert [(event["status"], event["type"].rpartition(".")[0]) for event in shown] == [
        ("dead", "polyplus.cases.case-opened"),
        ("waiting", "polyplus.cases.note-added"),
        ("waiting", "polyplus.cases.note-added"),
    ]
    assert (shown[0]["data"]["description"], shown[0]["headers"]["subject"]) == ("The camera is dark", str(case.id))
    assert '"text": "We look into it"' in (await polyplus("dlq", "show", str(case.id))).out

    replayed = await polyplus("dlq", "replay", str(case.id))
    assert (replayed.code, replayed.out) == (0, f"escalation  {TOPIC}  {case.id}: handled 3\n")
    assert await state_of(escalation, case) == "open"
    assert (await polyplus("dlq", "list", "--json")).json() == []
    assert (await polyplus("dlq", "list")).err == "no dead letters\n"


async def test_a_replay_that_fails_says_why_leaves_all_as_it_was_and_tries_the_other_keys(
    polyplus: Cli, escalation: Harness, consuming: Consuming
) -> None:
    poisoned, mended = ACase(), ACase()
    await consuming(replace(events_of(escalation, poisoned)[0], data=b'{"case_id": "poison"}'))
    await consuming(events_of(escalation, mended)[0], fails=ValueError("mended since"))

    replayed = await polyplus("dlq", "replay", "--all", "--json")
    assert replayed.code == 1
    by_key = {letter["key"]: letter for letter in replayed.json()}
    assert by_key[str(mended.id)]["handled"] == 1
    assert by_key[str(poisoned.id)]["failed"].startswith("ValidationError")
    assert f"escalation still cannot handle {poisoned.id}: ValidationError" in replayed.err
    assert await state_of(escalation, mended) == "open"
    assert [letter["key"] for letter in (await polyplus("dlq", "list", "--json")).json()] == [str(poisoned.id)]


async def test_a_discarded_dead_letter_lets_through_what_waited_up_to_the_next_poison_event(
    polyplus: Cli, escalation: Harness, consuming: Consuming
) -> None:
    case = ACase()
    opened, note, poison = events_of(escalation, case)
    await consuming(replace(note, data=b"\xff not JSON", version=1))
    await consuming(replace(opened, version=2))
    await consuming(replace(poison, data=b"{}"))
    assert (await polyplus("dlq", "show", str(case.id), "--json")).json()[0]["data"] == "\ufffd not JSON"

    first = await polyplus("dlq", "discard", str(case.id))
    assert first.code == 1
    assert first.out == f"escalation  {TOPIC}  {case.id}: gave up {NoteAdded.contract.ce_type}, handled 1\n"
    assert f"{NoteAdded.contract.ce_type}, which waited behind it, is the dead letter now: ValidationError" in first.err
    assert await state_of(escalation, case) == "open"
    second = await polyplus("dlq", "discard", str(case.id), "--service", "escalation", "--topic", TOPIC, "--json")
    assert (second.code, second.json()[0]["handled"]) == (0, 0)
    assert (await polyplus("dlq", "list", "--json")).json() == []


async def test_an_event_whose_version_had_passed_is_accepted_as_it_is_and_what_a_handler_refused_is_not(
    polyplus: Cli, escalation: Harness, consuming: Consuming
) -> None:
    case, refused = ACase(), ACase()
    opened, note, last = events_of(escalation, case)
    await consuming(replace(note, event_id=uuid4()))  # its log lost what came before
    await consuming(opened)
    await consuming(last)
    [letter] = (await polyplus("dlq", "list", "--json")).json()
    assert letter["error"].startswith("OutOfOrder: version 1 of cases.case_id")
    assert await state_of(escalation, case) == "unknown"

    replayed = await polyplus("dlq", "replay", str(case.id))
    assert replayed.code == 1
    accepted = await polyplus("dlq", "accept", str(case.id))
    assert accepted.out == f"escalation  {TOPIC}  {case.id}: accepted {CaseOpened.contract.ce_type}, handled 2\n"
    assert accepted.code == 0
    assert await state_of(escalation, case) == "open"

    await consuming(replace(events_of(escalation, refused)[0], data=b"{}"))
    for_replay = await polyplus("dlq", "accept", str(refused.id))
    assert (for_replay.code, "did not refuse" in for_replay.err) == (2, True)


async def test_what_cannot_be_done_is_said_in_one_line(polyplus: Cli, consuming: Consuming) -> None:
    key = uuid4()
    for arguments, why in {
        ("lits",): "argument what: invalid choice: 'lits'",
        (
            "show",
            "CASE-2026-000001",
        ): "argument key: 'CASE-2026-000001' is no key; `polyplus dlq list` shows them; see polyplus dlq show --help",
        ("show", str(key)): f"no dead letter of {key} here",
        ("replay", str(key)): f"no dead letter of {key} here",
        ("discard", str(key)): f"no dead letter of {key} here",
        ("replay",): "name the keys to replay, or --all",
        ("replay", str(key), "--all"): "name the keys to replay, or --all",
        ("list", "--service", "billing"): "there is no service 'billing'",
        ("list", "--service", "rma"): "POLYPLUS_RMA_DATABASE_URL not set",
    }.items():
        refused = await polyplus("dlq", *arguments)
        assert (refused.code, refused.out) == (2, "")
        assert refused.err.startswith(f"poly+: {why}")
        assert refused.err.count("\n") == 1
    assert (await polyplus("dlq", "replay", "--all")).code == 0, "nothing to replay is no error"


async def test_a_stack_that_is_not_there_is_named(polyplus: Cli) -> None:
    missing = await polyplus("dlq", "list")
    assert (missing.code, missing.err) == (
        2,
        f"poly+: {polyplus.home}/env names no service's database: polyplus up makes it\n",
    )
    polyplus.knows(RMA_DATABASE_URL=_AWAY)
    away = await polyplus("dlq", "list")
    assert away.code == 2
    assert away.err.startswith("poly+: rma's database does not answer: ")


async def test_a_database_that_is_away_hides_no_other(
    polyplus: Cli, escalation: Harness, consuming: Consuming, postgres_url: str
) -> None:
    _, url = await service_database(postgres_url, "escalation")
    polyplus.knows(CASES_DATABASE_URL=_AWAY, ESCALATION_DATABASE_URL=url, RMA_DATABASE_URL=_AWAY)
    case = ACase()
    await consuming(events_of(escalation, case)[0], fails=ValueError("once"))

    listed = await polyplus("dlq", "list", "--json")
    assert (listed.code, [letter["key"] for letter in listed.json()]) == (2, [str(case.id)])
    assert [line.split("'")[0] for line in listed.err.splitlines()] == ['{"trouble": "cases', '{"trouble": "rma']

    shown = await polyplus("dlq", "show", str(case.id), "--json")
    assert (shown.code, len(shown.json())) == (2, 1)
    other = await polyplus("dlq", "show", str(uuid4()))
    assert "where it could be looked" in other.err.splitlines()[-1]
    unsure = await polyplus("dlq", "discard", str(case.id))
    assert unsure.code == 2
    assert "may wait in several places; say which with --service" in unsure.err

    replayed = await polyplus("dlq", "replay", "--all")
    assert (replayed.code, replayed.out) == (2, f"escalation  {TOPIC}  {case.id}: handled 1\n")
    assert (await polyplus("dlq", "list")).out == ""


_AWAY = "postgres://127.0.0.1:9/polyplus"
