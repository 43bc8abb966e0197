"""Whom a case goes to follows from what is known alone: able, least loaded for what they can carry, longest without one."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from libs.kit.calendar_data import CalendarData, WeeklyWindow
from services.escalation.model.desk_member import Candidate, DeskMember, Need, choose

NOW = datetime(2026, 5, 4, 8, tzinfo=UTC)  # a Monday
OFFICE = CalendarData(time_zone="UTC", windows=(WeeklyWindow(weekdays=(0, 1, 2, 3, 4), opens="08:00", closes="17:00"),))


@st.composite
def candidate(draw: st.DrawFn, n: int = 0) -> Candidate:
    until = draw(st.none() | st.integers(-3, 3).map(lambda hours: NOW + timedelta(hours=hours)))
    member = DeskMember(
        id=UUID(int=n + 1),
        person_id=UUID(int=n + 1),
        queues=draw(st.lists(st.sampled_from(["video", "audio"]), unique=True)),
        families=draw(st.sampled_from([[], ["Studio X"], ["Voyager"]])),
        languages=draw(st.sampled_from([[], ["vi"], ["en"]])),
        hours=draw(st.sampled_from([OFFICE, CalendarData.round_the_clock()])),
        presence=draw(st.sampled_from(["available", "available", "away", "off"])),
        since=NOW,
        until=until,
        active=draw(st.integers(0, 9)) > 0,
        created_at=NOW,
    )
    return Candidate(
        member,
        here=draw(st.integers(0, 9)) > 0,
        capacity=draw(st.integers(0, 12)),
        load=draw(st.integers(0, 12)),
        given_at=draw(st.none() | st.integers(-9, 0).map(lambda hours: NOW + timedelta(hours=hours))),
        back_at=draw(st.none() | st.just(NOW + timedelta(hours=2))),
    )


DESKS = st.integers(0, 6).flatmap(lambda size: st.tuples(*(candidate(n) for n in range(size))))
NEEDS = st.builds(
    Need,
    queue=st.sampled_from(["video", "audio"]),
    weight=st.integers(1, 4),
    family=st.sampled_from([None, "Studio X", "Voyager"]),
    language=st.sampled_from([None, "vi", "en"]),
    passed_over=st.frozensets(st.integers(1, 6).map(lambda n: UUID(int=n)), max_size=2),
)


def able(each: Candidate, need: Need) -> bool:
    """Written out once more, by hand."""
    member = each.member
    back = member.until is not None and member.until <= NOW
    there = (member.presence == "available") != back
    return (
        each.here
        and member.active
        and there
        and each.back_at is None
        and (member.hours != OFFICE or (NOW.weekday() < 5 and 8 <= NOW.hour < 17))
        and need.queue in member.queues
        and (not member.families or need.family is None or need.family in member.families)
        and (not member.languages or need.language is None or need.language in member.languages)
        and member.person_id not in need.passed_over
        and each.load + need.weight <= each.capacity
    )


@given(need=NEEDS, desk=DESKS, random=st.randoms(use_true_random=False))
def test_the_choice_is_able_fair_and_the_same_in_any_order(
    need: Need, desk: tuple[Candidate, ...], random: Random
) -> None:
    chosen = choose(need, desk, NOW)
    could = [each for each in desk if able(each, need)]
    assert [each.why_not(need, NOW) is None for each in desk] == [each in could for each in desk]
    assert (chosen is None) == (not could)
    if chosen:
        assert chosen in could
        shares = {each.member.person_id: Fraction(each.load, each.capacity) for each in could}
        least = min(shares.values())
        assert shares[chosen.member.person_id] == least
        as_light = [each for each in could if shares[each.member.person_id] == least]
        never = datetime.min.replace(tzinfo=UTC)
        assert (chosen.given_at or never) == min(each.given_at or never for each in as_light)
    shuffled = [*desk]
    random.shuffle(shuffled)
    assert choose(need, shuffled, NOW) is chosen


@given(need=NEEDS, desk=DESKS)
def test_time_alone_makes_nobody_able_before_it_was_said(need: Need, desk: tuple[Candidate, ...]) -> None:
    for each in desk:
        then = each.here_next(NOW)
        assert then is None or then > NOW
        if each.why_not(need, NOW) is None or each.load + need.weight > each.capacity:
            continue
        for hours in range(1, 24 * 8):
            at = NOW + timedelta(hours=hours)
            if then is None or at < then:
                back = each.back_at is None or at < each.back_at
                later = Candidate(
                    each.member, each.here, each.capacity, each.load, back_at=each.back_at if back else None
                )
                assert later.why_not(need, at) is not None
