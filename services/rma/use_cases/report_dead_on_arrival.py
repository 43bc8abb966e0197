"""The replacement does not work as it arrives: another one goes out at once, under an RMA linked to it."""

from uuid import UUID

from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model.case_file import CaseFile
from services.rma.model.next_step import still_wanted
from services.rma.model.outbound_leg import outbound_machine
from services.rma.model.rma import Rma
from services.rma.model.steps import FindDead
from services.rma.queries.rmas import RmaOut, rma_and_case
from services.rma.reactions.act_on import go_on
from services.rma.reactions.record_mishap import record_dead_on_arrival

router = Router(tags=["rmas"])


class ReportDeadOnArrival(Command):
    """What the part does instead of working."""

    symptom: Reason


async def report_dead_on_arrival(rma: Rma, cmd: ReportDeadOnArrival, case: CaseFile, tx: Transaction) -> None:
    """Raises ForbiddenTransition, NotInstallable."""
    outbound_machine.check(rma.state, "dead_on_arrival")
    await record_dead_on_arrival(rma, FindDead(cmd.symptom, tx.now, still_wanted(rma, case)), tx)
    await go_on(rma, case, tx)


@router.post("/v1/rmas/{rma_id}/dead-on-arrival", dependencies=[allow("customer", "engineer", "manager")])
async def report_dead_on_arrival_route(rma_id: UUID, cmd: ReportDeadOnArrival, tx: Tx, caller: Caller) -> RmaOut:
    """The part does not work as it arrived: another one goes out at once."""
    rma, case = await rma_and_case(caller, rma_id, tx)
    case.must_take_commands()
    await report_dead_on_arrival(rma, cmd, case, tx)
    return RmaOut.of(rma)
