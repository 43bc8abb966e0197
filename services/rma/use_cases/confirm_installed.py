"""The customer confirms that the replacement works in the old one's place."""

from uuid import UUID

from libs.events.values import Instant
from libs.kit.fields import Serial
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Conflict
from libs.store import Transaction
from services.rma.model.rma import NotInOrder, Rma
from services.rma.model.rma_values import Installation
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for
from services.rma.reactions.close_rma import close_if_over
from services.rma.reactions.record_installation import record_installation

router = Router(tags=["rmas"])


class AnotherSerial(Conflict):
    title = "Another part was sent"


class ConfirmInstalled(Command):
    """Serials as read from the parts; `serial` is the new one's, and may be left out."""

    serial: Serial | None = None
    old_serial: Serial | None = None
    installed_at: Instant | None = None


async def confirm_installed(rma: Rma, cmd: ConfirmInstalled, tx: Transaction) -> None:
    """Raises AnotherSerial, NotInOrder, NotInstallable."""
    if cmd.serial and rma.shipped_serial and cmd.serial != rma.shipped_serial:
        raise AnotherSerial(
            f"{rma.number} sent another serial than {cmd.serial}; read it again, or leave it out.",
            state=rma.state,
            possible=["the serial that was sent"],
        )
    at = cmd.installed_at or tx.now
    if at > tx.now or (rma.delivered_at and at < rma.delivered_at):
        raise NotInOrder(f"An installation lies between the delivery and now, {tx.now.isoformat()}.")
    said = Installation(by="customer", old_serial=cmd.old_serial, new_serial=cmd.serial, at=at)
    await record_installation(rma, said, tx, by=tx.scope.actor)
    await close_if_over(rma, tx)


@router.post("/v1/rmas/{rma_id}/confirm-installed", dependencies=[allow(*COMMANDS.roles("confirm_installed"))])
async def confirm_installed_route(rma_id: UUID, cmd: ConfirmInstalled, tx: Tx, caller: Caller) -> RmaOut:
    """The part works in the old one's place."""
    its = await rma_for(caller, rma_id, tx, "confirm_installed")
    await confirm_installed(its.rma, cmd, tx)
    return RmaOut.of(its, caller)
