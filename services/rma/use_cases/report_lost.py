"""The replacement will not arrive: another one goes out at once, under an RMA linked to it."""

from uuid import UUID

from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model.case_file import CaseFile
from services.rma.model.next_step import still_wanted
from services.rma.model.rma import Rma
from services.rma.model.steps import Lose
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for
from services.rma.reactions.act_on import go_on
from services.rma.reactions.record_mishap import record_loss

router = Router(tags=["rmas"])


class ReportLost(Command):
    """How it is known that the part will not arrive."""

    reason: Reason


async def report_lost(rma: Rma, cmd: ReportLost, case: CaseFile, tx: Transaction) -> None:
    """Recorded also on a cancelled case, where nothing else goes out."""
    await record_loss(rma, Lose(cmd.reason, tx.now, still_wanted(rma, case)), tx)
    await go_on(rma, case, tx)


@router.post("/v1/rmas/{rma_id}/lost", dependencies=[allow(*COMMANDS.roles("lost"))])
async def report_lost_route(rma_id: UUID, cmd: ReportLost, tx: Tx, caller: Caller) -> RmaOut:
    """The part will not arrive: another one goes out, while the case wants one."""
    its = await rma_for(caller, rma_id, tx, "lost")
    await report_lost(its.rma, cmd, its.case, tx)
    return RmaOut.of(its, caller)
