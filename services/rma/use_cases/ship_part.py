"""The depot hands the part to the carrier, prepaid, whatever the defective one does."""

from datetime import timedelta
from uuid import UUID

from pydantic import model_validator

from libs.events.rma import PartShipped
from libs.kit.fields import Serial, Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model import return_leg
from services.rma.model.case_file import CaseFile
from services.rma.model.network import Network
from services.rma.model.part import part_numbered
from services.rma.model.policy import policy_for
from services.rma.model.promise import forecast
from services.rma.model.rma import FORECAST_CARRIER_LATE, FORECAST_SHIP_CUT_OFF, Rma
from services.rma.model.shipment import NoLabelYet, Shipment, label_for
from services.rma.model.stock import locked_stock
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for
from services.rma.reactions.act_on import go_on
from services.rma.reactions.follow_parcel import follow_parcel
from services.rma.reactions.renew_promise import change_promise
from services.rma.use_cases.pick_part import unit_to_send

router = Router(tags=["rmas"])


class ShipPart(Command):
    """The serial is needed where the part carries one, unless it was scanned when it was picked; a `part_number` that was scanned is
    compared. `carrier` and `tracking` are for a label of the depot's own."""

    serial: Serial | None = None
    part_number: Word | None = None
    carrier: Word | None = None
    tracking: Word | None = None

    @model_validator(mode="after")
    def _whole_label(self) -> "ShipPart":
        if (self.carrier is None) != (self.tracking is None):
            raise ValueError("a label of one's own has a carrier and a tracking number")
        return self


async def ship_part(rma: Rma, cmd: ShipPart, case: CaseFile, tx: Transaction) -> None:
    """Then follows what the carrier or the technician told before the depot recorded the shipment.

    Raises NoLabelYet, SerialMissing, and what `unit_to_send` raises.
    """
    label = await label_for(rma.id, "outbound", tx)
    carrier, tracking = _label(label, cmd)
    part = await part_numbered(rma.sent_part, tx)
    depot_id = rma.kept.depot_id
    unit = await unit_to_send(rma, cmd.serial, cmd.part_number, tx)
    way = (await Network.load_for(rma, tx)).way_from(depot_id, rma.destination)
    change_promise(rma, forecast(rma.since("reserved"), way, tx.now), tx, "shipped")
    rma.ship(
        unit.serial if unit else None,
        serialised=bool(part and part.serialised),
        carrier=carrier,
        tracking=tracking,
        tx=tx,
    )
    (await locked_stock(depot_id, rma.sent_part, tx)).ship(rma.id, tx)
    if unit:
        unit.hand_over("shipped", "shipped", tx, depot_id=depot_id, rma_id=rma.id)
    await _tell(rma, tx)
    if rma.return_required:
        return_leg.expect(rma, tx, "the replacement has shipped")
    if label and label.state != "void":
        await follow_parcel(rma, label, case, tx)
    await go_on(rma, case, tx)


def _label(label: Shipment | None, cmd: ShipPart) -> tuple[str, str]:
    """Carrier and tracking number: the depot's own, or those of the label that was bought. Raises NoLabelYet."""
    if cmd.carrier and cmd.tracking:
        if label:
            label.give_up()
        return cmd.carrier, cmd.tracking
    if label is None or label.tracking is None or label.carrier is None:
        raise NoLabelYet(
            "The carrier's label is not there yet; try again in a moment, or give a carrier and tracking number of your own.",
            state="reserved",
            possible=["wait", "carrier and tracking"],
            label=label.state if label else None,
            problem=label.problem if label else None,
        )
    return label.carrier, label.tracking


async def _tell(rma: Rma, tx: Transaction) -> None:
    (depot_id, promise), sent = rma.kept, rma.sent
    grace = timedelta(minutes=(await policy_for(rma, tx)).carrier_grace_minutes)
    tx.cancel_timer(rma, FORECAST_SHIP_CUT_OFF)
    tx.set_timer(rma, FORECAST_CARRIER_LATE, promise.promised_by + grace)
    tx.emit(
        PartShipped(
            **rma.ids,
            serial=sent.serial,
            carrier=sent.carrier,
            tracking=sent.tracking,
            number=rma.number,
            part_number=rma.sent_part,
            whole_unit=rma.whole_unit,
            component=rma.component,
            depot_id=depot_id,
            promised=promise.promised,
            promised_by=promise.promised_by,
            contract_due=rma.grant.due,
            onsite=rma.onsite,
            shipped_at=sent.at,
        )
    )


@router.post("/v1/rmas/{rma_id}/ship", dependencies=[allow(*COMMANDS.roles("ship"))])
async def ship_part_route(rma_id: UUID, cmd: ShipPart, tx: Tx, caller: Caller) -> RmaOut:
    """The part has left the depot, with the label that was bought or one of the depot's own."""
    its = await rma_for(caller, rma_id, tx, "ship")
    await ship_part(its.rma, cmd, its.case, tx)
    return RmaOut.of(its, caller)
