"""Whatever order the facts of a case come in, what waits is proposed to the same person in the end, and whose it is stands the same."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.bus.envelope import Delivery
from libs.events.escalation import AssigneeProposed
from services.escalation.handlers import projections
from services.escalation.model.case_file import CaseFile
from services.escalation.model.proposal import Proposal
from services.escalation.model.settings import EscalationSettings
from services.escalation.queries.desk import candidates, members_of
from services.escalation.tests.builders import OUR_PEOPLE, ACase, a_case, id_of, now_after
from services.escalation.tests.desk import at_the_desk, automatic, says
from services.escalation.tests.test_absences import away
from services.escalation.tests.test_taking_back import by
from tests.support.harness import Harness
from tests.support.order import AnyOrder, in_any_order
from tests.support.rebuilding import proves_rebuildable

FIRST, SECOND = ACase(), ACase()
BEGAN: list[datetime] = []
"""When both were opened: some time before the story is told first, however long after this file is read."""


def told() -> list[tuple[Any, float, str]]:
    """The first case is An's, who acts, waits and hands it over; the second one is Binh's, who does nothing until a part is waited for."""
    return [
        (FIRST.opened(), 0, "customer:1"),
        (FIRST.routed("video", 0), 0, "customer:1"),
        (SECOND.opened(), 1, "customer:1"),
        (SECOND.routed("audio", 1), 1, "customer:1"),
        (FIRST.covered(), 1, "system:entitlements"),
        (SECOND.covered(), 1, "system:entitlements"),
        (FIRST.given("An", 2), 2, by("An")),
        (SECOND.given("Binh", 3), 3, by("Em")),
        (FIRST.noted(5), 5, by("An")),
        (SECOND.noted(6), 6, by("Em")),
        (FIRST.pending("part", 20), 20, by("An")),
        (FIRST.partner_silent(25), 25, "system:ecps"),
        (FIRST.resumed("part", 50), 50, "system:cases"),
        (FIRST.routed("video", 60, previous="An"), 60, by("An")),
        (SECOND.pending("part", 61), 61, "system:cases"),
        (SECOND.resumed("part", 70), 70, "system:cases"),
        (SECOND.covered("gold", 2), 71, "system:entitlements"),
    ]


async def story(h: Harness) -> list[Delivery]:
    if not BEGAN:
        BEGAN.append(datetime.now(UTC) - timedelta(minutes=80))
        FIRST.opened_at = SECOND.opened_at = BEGAN[0]
    await h.empty()
    await h.learn(OUR_PEOPLE)
    await automatic(h, "video", "audio")
    await at_the_desk(h, "Chi", queues=["video"])
    await at_the_desk(h, "Binh", queues=["audio"], there=False)
    async with h.database.pool.acquire() as connection:
        await connection.execute("UPDATE desk_members SET created_at = created_at - interval '1 day'")
    return [h.delivery(event, at=FIRST.at(minutes), actor=actor) for event, minutes, actor in told()]


async def outcome(h: Harness) -> Any:
    """After all timers that are due: who has which case and where it stands, and who was proposed."""
    await h.fire_timers()
    async with h.transaction() as tx:
        files = [await CaseFile.get(each.id, tx) for each in (FIRST, SECOND)]
        [chi] = await candidates(await members_of("video", tx), EscalationSettings(), tx)
    stands = [
        (f.queue, f.queued_at, f.language, f.waiting, f.holder, f.idle_at, f.proposed and f.proposed.person_id)
        for f in files
    ]
    last = (await h.events(AssigneeProposed))[-1]
    return stands, (last.case_id, last.person_id), (chi.load, chi.cases)


STORY = AnyOrder(story, outcome)


@in_any_order(examples=15)
async def test_the_desk_ends_the_same_in_any_order(escalation: Harness, data: st.DataObject) -> None:
    expected = await STORY.as_it_happened(escalation)
    (first, second), last, carried = expected
    assert first[:2] == ("video", FIRST.at(60))
    assert (first[4], first[6], last, carried) == (None, id_of("Chi"), (FIRST.id, id_of("Chi")), (4, 1))
    # Binh has not acted, and half an hour after the part came is not over yet.
    assert (second[4], second[5]) == (id_of("Binh"), SECOND.at(100))
    assert await STORY.outcome_of(escalation, data) == expected


@in_any_order(examples=3, random=st.randoms(use_true_random=False))
async def test_the_case_files_are_rebuilt_from_any_order(
    escalation: Harness, data: st.DataObject, random: Random
) -> None:
    await STORY.outcome_of(escalation, data)
    for projection in projections:
        await proves_rebuildable(escalation, projection, random)


HAPPENINGS = ("opens", "takes", "quicker", "waits", "answers", "resolves", "away", "there", "absent", "acts", "nothing")


@given(
    hops=st.lists(
        st.tuples(
            st.sampled_from([0, 1, 4, 7, 31, 125]), st.booleans(), st.sampled_from(HAPPENINGS), st.integers(0, 9)
        ),
        min_size=6,
        max_size=16,
    )
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_happens_nobody_carries_more_than_they_can_and_nothing_waits_for_who_is_free(
    escalation: Harness, hops: list[tuple[int, bool, str, int]]
) -> None:
    """In some hops no timer fires, as while the service is down; cases does what is proposed sooner or later, or never."""
    await escalation.empty()
    await escalation.learn(OUR_PEOPLE)
    await automatic(escalation, capacity=6)
    for name in ("An", "Binh"):
        await at_the_desk(escalation, name)
    cases, waits = list[ACase](), dict[ACase, int]()
    answered = 0
    for minutes, asleep, what, n in hops:
        if asleep:
            await escalation._hop(await escalation.now() + timedelta(minutes=minutes))
        else:
            await escalation.advance(timedelta(minutes=minutes))
        name, case = ("An", "Binh")[n % 2], cases[n % len(cases)] if cases else None
        now = await now_after(escalation, case) if case else 0
        proposals = await escalation.events(AssigneeProposed)
        match what:
            case "opens":
                case = await a_case(escalation, ("critical", "major", "minor")[n % 3])
                cases.append(case)
                await escalation.deliver(case.routed("video", 0), case.covered())
            case "takes" if answered < len(proposals):
                one, answered = proposals[answered], answered + 1
                of = next(each for each in cases if each.id == one.case_id)
                at = await now_after(escalation, of)
                if one.person_id:
                    event: Any = of.given(None, at).model_copy(update={"assignee_id": one.person_id})
                else:
                    event = of.routed("video", at).model_copy(update={"previous_assignee_id": one.previous_person_id})
                await escalation.deliver(escalation.delivery(event, actor="system:cases"))
            case "quicker" if case:
                await escalation.deliver(case.given("Em", now))
            case "waits" if case:
                waits[case] = waits.get(case, 0) + 1
                await escalation.deliver(case.pending("customer", now, name=str(waits[case])))
            case "answers" if case and waits.get(case):
                await escalation.deliver(case.resumed("customer", now, name=str(waits[case])))
            case "resolves" if case:
                await escalation.deliver(case.resolved(now))
            case "acts" if case:
                await escalation.deliver(escalation.delivery(case.noted(now), actor=by(name)))
            case "away" | "there":
                await says(escalation, name, "away" if what == "away" else "available")
            case "absent":
                await away(escalation, str(id_of(name)), 0, 0.01)
        await holds(escalation)
    await escalation.fire_timers()
    await escalation.advance(timedelta(minutes=2))
    await holds(escalation, quiet=True)


async def holds(escalation: Harness, *, quiet: bool = False) -> None:
    """No proposal was made beyond somebody's capacity, or to who was not able then; when all is quiet nobody is free for what waits."""
    async with escalation.transaction() as tx:
        for proposal in await tx.select(Proposal, Proposal.c.person_id.is_not(None)):
            [chosen] = [each for each in proposal.considered if each.person_id == proposal.person_id]
            assert chosen.why_not is None
        open_ones = await tx.select(Proposal, Proposal.c.outcome == "open")
        assert len({each.case_id for each in open_ones}) == len(open_ones)
        if not quiet:
            return
        desk = await candidates(await members_of("video", tx), EscalationSettings(capacity=6), tx)
        lightest = min((each.load for each in desk if each.unavailable(tx.now) is None), default=None)
        for case in await tx.select(CaseFile):
            if case.waits_for_somebody and lightest is not None:
                weight = EscalationSettings().weights.of(case.priority or "P4", waiting=False)
                able = [
                    each
                    for each in desk
                    if each.unavailable(tx.now) is None
                    and each.load + weight <= 6
                    and each.member.person_id not in case.passed_over
                ]
                assert able == []
