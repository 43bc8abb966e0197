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
from services.rma.model.promise import forecast
from services.rma.model.rma import NoLabelYet, Rma, outbound_machine
from services.rma.model.shipment import Shipment
from services.rma.model.stock import locked_stock
from services.rma.queries.rmas import RmaOut, rma_seen_by
from services.rma.reactions.await_return import return_policy
from services.rma.reactions.follow_parcel import follow_news
from services.rma.reactions.follow_visits import follow_visits
from services.rma.reactions.order_labels import label_for
from services.rma.reactions.renew_promise import keep_promise

router = Router(tags=["rmas"])


class ShipPart(Command):
    """The serial is needed where the part carries one. `carrier` and `tracking` are for a label of the depot's own."""

    serial: Serial | None = None
    carrier: Word | None = None
    tracking: Word | None = None

    @model_validator(mode="after")
    def _whole_label(self) -> "ShipPart":
        if (self.carrier is None) != (self.tracking is None):
            raise ValueError("a label of one's own has a carrier and a tracking number")
        return self


async def ship_part(rma: Rma, cmd: ShipPart, tx: Transaction) -> Rma:
    """Raises ForbiddenTransition, NoLabelYet, SerialMissing."""
    outbound_machine.check(rma.state, "shipped")
    label = await label_for(rma, "outbound", tx)
    carrier, tracking = _label(label, cmd)
    part = await part_numbered(rma.sent_part, tx)
    assert rma.depot_id
    assert rma.contract_due
    way = (await Network.load(tx, plan=rma.plan)).way_from(rma.depot_id, rma.destination)
    keep_promise(rma, forecast(tx.now, way), tx, "shipped")
    assert rma.promise
    rma.ship(cmd.serial, serialised=bool(part and part.serialised), tracking=tracking, carrier=carrier, tx=tx)
    (await locked_stock(rma.depot_id, rma.sent_part, tx)).ship(rma.id, tx)
    grace = timedelta(minutes=(await return_policy(rma, tx)).carrier_grace_minutes)
    tx.cancel_timer(rma, "forecast:ship_cut_off")
    tx.set_timer(rma, "forecast:carrier_late", rma.promise.promised_by + grace)
    way_back = await label_for(rma, "return", tx)
    tx.emit(
        PartShipped(
            **rma.ids,
            number=rma.number,
            part_number=rma.sent_part,
            whole_unit=rma.whole_unit,
            component=rma.component,
            serial=cmd.serial,
            depot_id=rma.depot_id,
            carrier=carrier,
            tracking=tracking,
            label_url=label.label_url if label and label.tracking == tracking else None,
            return_label_url=way_back.label_url if way_back else None,
            promised=rma.promise.promised,
            promised_by=rma.promise.promised_by,
            contract_due=rma.contract_due,
            onsite=rma.onsite,
            shipped_at=tx.now,
        )
    )
    if rma.return_required:
        return_leg.expect(rma, tx, "the replacement has shipped")
    await _catch_up(rma, label, tx)
    return rma


def _label(label: Shipment | None, cmd: ShipPart) -> tuple[str, str]:
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


async def _catch_up(rma: Rma, label: Shipment | None, tx: Transaction) -> None:
    """What the carrier or the technician told before the depot recorded the shipment."""
    if label and label.state != "void":
        for news in label.news:
            await follow_news(rma, label, news, tx)
    case = await CaseFile.find(rma.case_id, tx)
    if case and (diagnosis := case.diagnoses.get(rma.diagnosis_id)):
        await follow_visits(rma, diagnosis, case, tx)


@router.post("/v1/rmas/{rma_id}/ship", dependencies=[allow("depot")])
async def ship_part_route(rma_id: UUID, cmd: ShipPart, tx: Tx, caller: Caller) -> RmaOut:
    rma = await rma_seen_by(caller, rma_id, tx, lock=True)
    if case := await CaseFile.find(rma.case_id, tx):
        case.takes_commands()
    return RmaOut.of(await ship_part(rma, cmd, tx))
