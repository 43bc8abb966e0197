"""A manager grants a replacement against the cover."""

from uuid import UUID

from libs.kit.fields import Reason, Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model.case_file import CaseFile
from services.rma.model.part import DoesNotFit, NotInCatalogue, part_numbered
from services.rma.model.rma import Rma
from services.rma.model.steps import Authorize
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for
from services.rma.reactions.act_on import go_on
from services.rma.reactions.authorize_rma import authorize

router = Router(tags=["rmas"])


class OverrideRma(Command):
    """Why the replacement is granted against the cover, and which part, where the diagnosis named none that fits."""

    reason: Reason
    part_number: Word | None = None


async def override_rma(rma: Rma, cmd: OverrideRma, case: CaseFile, tx: Transaction) -> None:
    """A manager grants it. Raises NoDestination, NotInCatalogue, DoesNotFit."""
    if case.coverage:
        if case.coverage.corrections > rma.corrections:
            rma.take_back()
        rma.take_cover(case.coverage)
    if cmd.part_number:
        named = await part_numbered(cmd.part_number, tx)
        if named is None:
            raise NotInCatalogue.numbered(cmd.part_number)
        if not named.fits_in(*rma.unit):
            raise DoesNotFit(f"{cmd.part_number} does not go into this unit.")
    rma.wanted_part = cmd.part_number or rma.wanted_part
    await authorize(rma, Authorize(cmd.reason, overridden=True), tx)
    await go_on(rma, case, tx)


@router.post("/v1/rmas/{rma_id}/override", dependencies=[allow(*COMMANDS.roles("override"))])
async def override_rma_route(rma_id: UUID, cmd: OverrideRma, tx: Tx, caller: Caller) -> RmaOut:
    """Grants the replacement against the cover."""
    its = await rma_for(caller, rma_id, tx, "override")
    await override_rma(its.rma, cmd, its.case, tx)
    return RmaOut.of(its, caller)
