"""Two persons exchange turns of a rota, and take it back."""

from uuid import UUID

from libs.kit.auth import ENGINEERS
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.listing import Out
from libs.store import NotFound
from services.escalation.model.override import Override
from services.escalation.model.rota import Rota
from services.escalation.model.swap import GivenTurn, swap
from services.escalation.queries.our_people import must_be_ours
from services.escalation.queries.people import OverrideOut, override_out
from services.escalation.queries.rosters import EVER, roster
from services.escalation.reactions.watch_gaps import watch_gaps

router = Router(tags=["people"])


class SwapTurns(Command):
    """Each gives a turn, and takes the other's."""

    first: GivenTurn
    second: GivenTurn
    reason: Text


class SwapOut(Out):
    """The overrides that it is made of: who takes the first turn, then who takes the second."""

    id: UUID
    rota_id: UUID
    overrides: list[OverrideOut]


@router.post("/v1/rotas/{rota_id}/swaps", status_code=201, dependencies=[allow(*ENGINEERS)])
async def swap_turns_route(rota_id: UUID, cmd: SwapTurns, tx: Tx, caller: Caller) -> SwapOut:
    """A turn that has begun is exchanged from now on. Refused where it makes somebody on call in two layers at once."""
    await must_be_ours([cmd.first.person_id, cmd.second.person_id], tx)
    rota = await Rota.get(rota_id, tx, lock=True)
    known = await roster(rota, tx, tx.now, EVER)
    halves = swap(known, cmd.first, cmd.second, reason=cmd.reason, by=caller.actor, now=tx.now)
    for half in halves:
        tx.add(half)
    await watch_gaps(rota, tx)
    swap_id = halves[0].swap_id
    assert swap_id
    return SwapOut(id=swap_id, rota_id=rota.id, overrides=[await override_out(half, tx) for half in halves])


@router.delete("/v1/rotas/{rota_id}/swaps/{swap_id}", status_code=204, dependencies=[allow(*ENGINEERS)])
async def undo_swap_route(rota_id: UUID, swap_id: UUID, tx: Tx, caller: Caller, why: Text | None = None) -> None:
    """Each has their own turn again, one that has begun from now on. Refused once one of the turns is over."""
    rota = await Rota.get(rota_id, tx, lock=True)
    halves = await tx.select(Override, Override.c.swap_id == swap_id, Override.c.rota_id == rota_id, lock=True)
    if not halves:
        raise NotFound("swap", swap_id)
    for half in halves:
        half.remove(tx.now, caller.actor, why or "the swap is undone")
    await watch_gaps(rota, tx)
