"""A calendar as data: zone, weekly windows, public holidays, and the dates that differ from their week."""

import itertools
from datetime import date
from functools import lru_cache
from typing import Annotated, Literal, Self

import holidays
from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.kit.fields import Line, Short, Zone

Language = Literal["en", "vi"]
Weekday = Annotated[int, Field(ge=0, le=6, description="0 is Monday")]


class WeeklyWindow(BaseModel):
    """Open hours that return every week, on the wall clock of the calendar's zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weekdays: tuple[Weekday, ...] = Field(min_length=1)
    opens: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    closes: str = Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")


class NamedDate(BaseModel):
    """A date that differs from its week, and why: `Flood in District 7`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: date
    name: Line


class CalendarData(BaseModel):
    """A calendar as it is stored, edited and sent. A weekend is whatever weekdays have no window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: Zone
    windows: tuple[WeeklyWindow, ...] = Field(min_length=1)
    holidays_country: Short | None = None
    holidays_subdivision: Short | None = None
    closed: tuple[NamedDate, ...] = ()
    working: tuple[NamedDate, ...] = ()

    @classmethod
    def round_the_clock(cls, time_zone: str = "UTC") -> Self:
        """Never closed."""
        return cls(
            time_zone=time_zone, windows=(WeeklyWindow(weekdays=tuple(range(7)), opens="00:00", closes="24:00"),)
        )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.holidays_country:
            try:
                public_holidays(self.holidays_country, self.holidays_subdivision, 2026, "en")
            except NotImplementedError as unknown:
                raise ValueError(f"no public holidays are known: {unknown}") from None
        for weekday, spans in enumerate(weekly_spans(self)):
            for (_, closes), (opens, _) in itertools.pairwise(spans):
                if opens < closes:
                    raise ValueError(f"two windows of weekday {weekday} overlap")
            if any(opens >= closes for opens, closes in spans):
                raise ValueError("a window closes after it opens; write one that spans midnight as two")
        return self


@lru_cache(maxsize=1024)
def public_holidays(country: str, subdivision: str | None, year: int, language: Language) -> dict[date, str]:
    """Names by date, in the language if the country's list has it, else in English, else in its own."""
    spoken = holidays.country_holidays(country, subdiv=subdivision).supported_languages
    chosen = next((each for want in (language, "en") for each in spoken if each.startswith(want)), None)
    return dict(holidays.country_holidays(country, subdiv=subdivision, years=year, language=chosen))


@lru_cache(maxsize=1024)
def usual_calendar(
    country: str, region: str | None, time_zone: str, hours: tuple[tuple[str, str], ...] = (("00:00", "24:00"),)
) -> CalendarData:
    """The business days of a place, each with these hours: all but its country's weekend and the public holidays of country and region
    (its ISO 3166-2 code, or its name) where they are known; of a country that is not known, Monday to Friday."""
    known = holidays.country_holidays(country) if country in holidays.list_supported_countries() else None
    regions = {} if known is None else {each: each for each in known.subdivisions} | known.subdivisions_aliases
    codes = {name.casefold(): code for name, code in regions.items()}
    weekdays = tuple(day for day in range(7) if day not in (known.weekend if known is not None else {5, 6}))
    return CalendarData(
        time_zone=time_zone,
        windows=tuple(WeeklyWindow(weekdays=weekdays, opens=opens, closes=closes) for opens, closes in hours),
        holidays_country=country if known is not None else None,
        holidays_subdivision=codes.get((region or "").casefold().removeprefix(f"{country.casefold()}-")),
    )


def minutes_of(clock: str) -> int:
    """Minutes since midnight of "HH:MM"; "24:00" is 1440."""
    return int(clock[:2]) * 60 + int(clock[3:])


def weekly_spans(data: CalendarData) -> list[list[tuple[int, int]]]:
    """Per weekday its windows, in order, in minutes since midnight."""
    week: list[set[tuple[int, int]]] = [set() for _ in range(7)]
    for window in data.windows:
        for weekday in window.weekdays:
            week[weekday].add((minutes_of(window.opens), minutes_of(window.closes)))
    return [sorted(spans) for spans in week]
