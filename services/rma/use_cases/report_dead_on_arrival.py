"""The replacement does not work as it arrives: another one goes out at once, under an RMA linked to it."""

from uuid import UUID

from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model.case_file import CaseFile
from services.rma.model.next_step import still_wanted
from services.rma.model.rma import Rma
from services.rma.model.steps import FindDead
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for
from services.rma.reactions.act_on import go_on
from services.rma.reactions.record_mishap import record_dead_on_arrival

router = Router(tags=["rmas"])


class ReportDeadOnArrival(Command):
    """What the part does instead of working."""

    symptom: Reason


async def report_dead_on_arrival(rma: Rma, cmd: ReportDeadOnArrival, case: CaseFile, tx: Transaction) -> None:
    await record_dead_on_arrival(rma, FindDead(cmd.symptom, tx.now, still_wanted(rma, case)), tx)
    await go_on(rma, case, tx)


@router.post("/v1/rmas/{rma_id}/dead-on-arrival", dependencies=[allow(*COMMANDS.roles("dead_on_arrival"))])
async def report_dead_on_arrival_route(rma_id: UUID, cmd: ReportDeadOnArrival, tx: Tx, caller: Caller) -> RmaOut:
    """The part does not work as it arrived: another one goes out at once."""
    its = await rma_for(caller, rma_id, tx, "dead_on_arrival")
    await report_dead_on_arrival(its.rma, cmd, its.case, tx)
    return RmaOut.of(its, caller)
