"""What a depot reported missing when it was to be sent, until it is found."""

from collections.abc import Collection
from uuid import UUID

from libs.kit.problems import Conflict
from services.rma.model.rma import Rma
from services.rma.model.rma_values import ShortPick


class NothingMissing(Conflict):
    title = "Nothing is missing"


def missing(rma: Rma, depots: Collection[UUID] | None = None) -> ShortPick | None:
    """What has not been found, in one of these depots; in any for None."""
    still = (each for each in rma.short_picks if each.is_missing)
    return next((each for each in still if depots is None or each.depot_id in depots), None)


def must_miss_one(rma: Rma) -> None:
    """Raises NothingMissing."""
    if missing(rma) is None:
        raise NothingMissing("Nothing was reported missing that is not found.", state=rma.state, possible=[])
