"""Where a case is: what its business days follow from."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from libs.events.values import Site


class Place(BaseModel):
    """Country, region within it, and the time zone that its clocks show."""

    model_config = ConfigDict(frozen=True)

    country: str
    region: str | None = None
    time_zone: str

    @classmethod
    def of(cls, site: Site) -> Self:
        """The site's."""
        return cls(country=site.country, region=site.region, time_zone=site.time_zone)
