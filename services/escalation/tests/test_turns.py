"""Whose turn it is: by the days a layer works, through clocks that change, and with who stands in."""

import itertools
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kit.calendar import WeeklyWindow
from libs.store.ids import new_id
from services.escalation.model.layer import Layer
from services.escalation.model.override import Override
from services.escalation.model.roster import Roster
from services.escalation.model.rota import Rota
from services.escalation.tests.builders import OUR_PEOPLE, id_of

AN, BINH, CHI = id_of("An"), id_of("Binh"), id_of("Chi")
WEEKDAYS = (0, 1, 2, 3, 4)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def layer(*ids: UUID, zone: str = "Asia/Ho_Chi_Minh", starts: date = date(2026, 3, 2), **more: Any) -> Layer:
    return Layer(name="primary", time_zone=zone, people=ids, starts_on=starts, **more)


def a_rota_of(*layers: Layer, overrides: tuple[Override, ...] = ()) -> Roster:
    return Roster(Rota(id=new_id(), name="Duty", purpose="duty_manager", layers=list(layers)), overrides)


def stand_in(id: UUID, starts: str, ends: str, **more: Any) -> Override:
    made = {"id": new_id(), "rota_id": new_id(), "reason": "ill", "by": "engineer:1", "created_at": at(starts)}
    return Override(**{**made, "starts": at(starts), "ends": at(ends), "person_id": id, **more})


def names(rota: Roster, instant: str) -> list[str]:
    return [OUR_PEOPLE[id].name for id in rota.on_call(at(instant))]


@pytest.mark.parametrize(
    ("instant", "who"),
    [
        ("2026-03-02T08:59:59+07:00", []),
        ("2026-03-02T09:00:00+07:00", ["An"]),
        ("2026-03-09T01:59:59Z", ["An"]),
        ("2026-03-09T02:00:00Z", ["Binh"]),
        ("2026-03-16T09:00:00+07:00", ["An"]),
        ("2025-12-01T09:00:00+07:00", []),
    ],
)
def test_people_take_turns_by_the_local_hour_of_hand_over(instant: str, who: list[str]) -> None:
    assert names(a_rota_of(layer(AN, BINH)), instant) == who


@pytest.mark.parametrize(
    ("instant", "who"),
    [
        ("2026-11-01T05:29:00Z", ["An"]),  # 01:29 EDT
        ("2026-11-01T05:30:00Z", ["Binh"]),  # 01:30 EDT, handed over
        ("2026-11-01T06:10:00Z", ["Binh"]),  # 01:10 again, EST: nobody gets it back
        ("2026-11-02T06:29:00Z", ["Binh"]),
        ("2026-11-02T06:30:00Z", ["An"]),
    ],
)
def test_a_repeated_hour_hands_over_once(instant: str, who: list[str]) -> None:
    rota = a_rota_of(
        layer(AN, BINH, zone="America/New_York", starts=date(2026, 10, 31), hands_over_at="01:30", shift_days=1)
    )
    assert names(rota, instant) == who


@pytest.mark.parametrize(
    ("instant", "who"),
    [
        ("2006-10-29T02:29:59Z", ["An"]),
        ("2006-10-29T02:30:00Z", ["Binh"]),  # midnight
        ("2006-10-29T02:31:00Z", ["Binh"]),  # 23:01 of the day before, again
        ("2006-10-29T03:31:00Z", ["Binh"]),
    ],
)
def test_clocks_turned_back_over_midnight_give_no_turn_back(instant: str, who: list[str]) -> None:
    zone, starts = "America/St_Johns", date(2006, 10, 28)
    rota = a_rota_of(layer(AN, BINH, zone=zone, starts=starts, hands_over_at="00:00", shift_days=1))
    assert names(rota, instant) == who


def test_layers_with_windows_follow_the_sun() -> None:
    day = (WeeklyWindow(weekdays=(0, 1, 2, 3, 4, 5, 6), opens="08:00", closes="20:00"),)
    rota = a_rota_of(layer(AN, windows=day), layer(BINH, zone="America/New_York", windows=day))
    assert names(rota, "2026-03-04T10:00:00+07:00") == ["An"]
    assert names(rota, "2026-03-04T10:00:00-05:00") == ["Binh"]
    assert names(rota, "2026-03-04T20:30:00-05:00") == ["An"]


def test_an_override_stands_in_until_its_end_and_the_newest_wins() -> None:
    first = stand_in(CHI, "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z")
    newer = stand_in(BINH, "2026-03-03T12:00:00Z", "2026-03-03T13:00:00Z")
    rota = a_rota_of(layer(AN), overrides=(first, newer))
    assert [names(rota, f"2026-03-0{d}T{h}:00:00Z") for d, h in ((3, "00"), (3, "12"), (3, "13"), (4, "00"))] == [
        ["Chi"],
        ["Binh"],
        ["Chi"],
        ["An"],
    ]
    one = stand_in(CHI, "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z", replaces=AN)
    two_layers = a_rota_of(layer(AN), layer(BINH), overrides=(one,))
    assert names(two_layers, "2026-03-03T05:00:00Z") == ["Chi", "Binh"]


def test_an_override_holds_in_one_layer_or_in_all() -> None:
    day = ("2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z")
    two = (layer(AN), layer(BINH).model_copy(update={"name": "second"}))
    noon = "2026-03-03T12:00:00Z"
    everybody = stand_in(CHI, *day)
    assert names(a_rota_of(*two, overrides=(everybody,)), noon) == ["Chi"]
    mended = (everybody, stand_in(BINH, *day, layer="second"))
    assert names(a_rota_of(*two, overrides=mended), noon) == ["Chi", "Binh"]
    chain = (stand_in(CHI, *day, replaces=AN), stand_in(BINH, *day, replaces=CHI, layer="primary"))
    assert names(a_rota_of(*two, overrides=chain), noon) == ["Binh"]
    again = (stand_in(CHI, *day, replaces=AN), stand_in(BINH, *day, replaces=AN))
    assert names(a_rota_of(*two, overrides=again), noon) == ["Binh"]


def test_what_is_removed_holds_until_then() -> None:
    removed = stand_in(CHI, "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z", removed_at=at("2026-03-03T12:00:00Z"))
    rota = a_rota_of(layer(AN), overrides=(removed,))
    assert [names(rota, f"2026-03-03T{hour}:00Z") for hour in ("11:59", "12:00")] == [["Chi"], ["An"]]
    found = rota.shifts(at("2026-03-02T12:00:00Z"), at("2026-03-04T00:00:00Z"))
    assert [(shift.person_id, shift.starts.isoformat()[5:16], shift.ends.isoformat()[5:16]) for shift in found] == [
        (AN, "03-02T12:00", "03-03T00:00"),
        (CHI, "03-03T00:00", "03-03T12:00"),
        (AN, "03-03T12:00", "03-04T00:00"),
    ]


def hours(opens: str, closes: str, days: tuple[int, ...] = WEEKDAYS) -> WeeklyWindow:
    return WeeklyWindow(weekdays=days, opens=opens, closes=closes)


@pytest.mark.parametrize(
    ("windows", "hands_over_at", "hour"),
    [
        ((hours("08:00", "17:00"),), "08:00", "10:00"),
        ((hours("08:00", "20:00"),), "09:00", "10:00"),  # Monday's first hour is still Friday's person's
        ((hours("08:00", "17:00"),), "18:00", "10:00"),
        ((hours("00:00", "24:00"),), "09:00", "10:00"),
        ((hours("20:00", "24:00"), hours("00:00", "06:00", (1, 2, 3, 4, 5))), "12:00", "22:00"),
    ],
)
def test_days_that_a_layer_does_not_work_use_up_no_turn(
    windows: tuple[WeeklyWindow, ...], hands_over_at: str, hour: str
) -> None:
    rota = a_rota_of(layer(AN, BINH, CHI, windows=windows, hands_over_at=hands_over_at, shift_days=1))
    fortnight = [date(2026, 3, 10) + timedelta(days=each) for each in range(14)]
    working = [names(rota, f"{day}T{hour}:00+07:00") for day in fortnight if day.weekday() < 5]
    assert sorted(working[:3]) == [["An"], ["Binh"], ["Chi"]]
    assert working == (working[:3] * 4)[:10]


def test_whole_weeks_are_weeks_and_five_days_are_a_working_week() -> None:
    for shift_days in (5, 7):
        rota = a_rota_of(layer(AN, BINH, windows=(hours("09:00", "17:00"),), shift_days=shift_days))
        assert [names(rota, f"2026-03-{day}T10:00:00+07:00") for day in ("02", "06", "09", "13", "16")] == [
            ["An"],
            ["An"],
            ["Binh"],
            ["Binh"],
            ["An"],
        ]


@pytest.mark.parametrize(
    ("zone", "day", "hands_over_at", "jump"),
    [
        ("Europe/Berlin", date(2026, 3, 29), "02:30", "2026-03-29T01:00:00Z"),
        ("Europe/London", date(2026, 3, 29), "01:30", "2026-03-29T01:00:00Z"),
        ("America/New_York", date(2026, 3, 8), "02:15", "2026-03-08T07:00:00Z"),
        ("Australia/Lord_Howe", date(2026, 10, 4), "02:10", "2026-10-03T15:30:00Z"),
    ],
)
def test_a_hand_over_in_a_skipped_hour_happens_as_the_clock_reaches_it(
    zone: str, day: date, hands_over_at: str, jump: str
) -> None:
    starts = day - timedelta(days=1)
    rota = a_rota_of(layer(AN, BINH, zone=zone, starts=starts, hands_over_at=hands_over_at, shift_days=1))
    before = (at(jump) - timedelta(seconds=1)).isoformat()
    assert (names(rota, before), names(rota, jump)) == (["An"], ["Binh"])


def _open(windows: tuple[WeeklyWindow, ...], minute: int) -> bool:
    """Whether this minute of a week that begins on Monday is worked."""
    day, clock = minute // 1440 % 7, f"{minute // 60 % 24:02}:{minute % 60:02}"
    return not windows or any(day in each.weekdays and each.opens <= clock < each.closes for each in windows)


@lru_cache
def _counts(windows: tuple[WeeklyWindow, ...], weekday: int, hands_over_at: str) -> bool:
    """Walks from the day's hand-over to the next: is it worked at once, or is something that begins there also over there?"""
    begins = weekday * 1440 + int(hands_over_at[:2]) * 60 + int(hands_over_at[3:])
    walked = [_open(windows, begins + minute) for minute in range(1441)]
    return walked[0] or any(now and not then for now, then in itertools.pairwise(walked))


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    quarter = st.integers(0, 95).map(lambda each: f"{each // 4:02}:{each % 4 * 15:02}")
    days = tuple(sorted(draw(st.sets(st.integers(0, 6), min_size=1))))
    cuts = sorted({*draw(st.lists(quarter, min_size=0, max_size=3)), "24:00"})
    windows = tuple(hours(opens, closes, days) for opens, closes in zip(cuts[::2], cuts[1::2], strict=False))
    zones = ("Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Beirut", "Australia/Lord_Howe", "UTC")
    return layer(
        *(AN, BINH, CHI)[: draw(st.integers(1, 3))],
        zone=draw(st.sampled_from(zones)),
        starts=date(2026, draw(st.sampled_from((2, 3, 8, 10))), draw(st.integers(1, 28))),
        windows=windows,
        hands_over_at=draw(quarter),
        shift_days=draw(st.sampled_from((1, 2, 3, 5, 7, 14))),
    )


@settings(deadline=None, max_examples=25)
@given(which=layers())
def test_turns_agree_with_walking_from_hand_over_to_hand_over(which: Layer) -> None:
    zone, steps = ZoneInfo(which.time_zone), 4 * 24 * 45
    weeks = which.shift_days % 7 == 0
    begun = datetime.combine(which.starts_on, datetime.min.time(), UTC) - timedelta(days=1)
    reached, counted = which.starts_on - timedelta(days=1), 0
    for step in range(steps):
        instant = begun + timedelta(minutes=15) * step
        wall = instant.astimezone(zone)
        # Never backwards: clocks turned back bring no hand-over again.
        while (next_day := reached + timedelta(days=1)) < wall.date() or (
            next_day == wall.date() and f"{wall:%H:%M}" >= which.hands_over_at
        ):
            reached = next_day
            counted += weeks or _counts(which.windows, reached.weekday(), which.hands_over_at)
        minute = wall.weekday() * 1440 + wall.hour * 60 + wall.minute
        turn = (counted - 1) // which.shift_days
        expected = which.people[turn % len(which.people)] if counted else None
        found = which.turn_at(instant)
        assert (found and found.person_id) == expected, instant
        assert found is None or found.starts <= instant < found.ends
        open_now = which._hours.is_open(instant)
        assert which.on_call(instant) == (expected if open_now else None)
        if which.time_zone == "UTC":
            assert open_now == _open(which.windows, minute)
