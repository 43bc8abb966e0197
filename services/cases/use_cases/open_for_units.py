"""Several units in one request: one case that speaks for all of them, and below it a case for each, covered by itself."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from libs.kit.fields import ProductNumber, Serial
from libs.kit.http import Command
from libs.kit.listing import Out
from libs.kit.problems import InvalidRequest
from libs.store import Transaction
from libs.store.ids import new_id
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.policy import CasesPolicy
from services.cases.model.request import Request
from services.cases.reactions.take_request import take_request

MOST_UNITS = 50


class NamedUnit(Command):
    product_number: ProductNumber
    serial: Serial


class UnitCase(Out):
    """The case of one unit, in the order in which they were given."""

    id: UUID
    number: str
    product_number: str
    serial: str


def must_be_different(units: Sequence[NamedUnit]) -> None:
    """Each unit is one case. Raises InvalidRequest, which names by their place those that stand before already."""
    first: dict[tuple[str, str], int] = {}
    twice = [
        {"pointer": f"/units/{n}", "in": "body", "detail": f"the same unit as /units/{before}"}
        for n, unit in enumerate(units)
        if (before := first.setdefault((unit.product_number, unit.serial), n)) != n
    ]
    if twice:
        raise InvalidRequest("A unit is given twice; nothing was opened.", errors=twice, errors_in_all=len(twice))


async def open_for_units(
    parent: Case, request: Request, units: Sequence[NamedUnit], policy: CasesPolicy, actor: Actor, tx: Transaction
) -> list[Case]:
    """A child of the parent, which is what the request became, for each unit."""
    below = replace(request, parent_id=parent.id, no_product_reason=None, follow_up_of=None, external_identifiers=[])
    return [
        await take_request(
            replace(below, id=new_id(), product_number=unit.product_number, serial=unit.serial), policy, actor, tx
        )
        for unit in units
    ]
