"""The simulated carrier, a company of its own: `python -m deploy.simulators.carrier`.

It books shipments, prints labels, moves them as the sandbox clock passes their plan, and tells rma by signed webhook.
"""

import asyncio
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel

from deploy.simulators.process import Company, Place, run
from deploy.simulators.shipments import Booking, CannotMove, Moved, Shipment, Status
from libs.kit import telemetry

CARRIER = "simulated-express"
_LOOK_SECONDS = 0.25
_AT_ONCE = 200


class ShipmentOut(BaseModel):
    """A shipment as the carrier's customers see it."""

    tracking: str
    carrier: str
    reference: str
    direction: str
    service: str
    status: Status
    sequence: int
    label_url: str
    planned_delivery: AwareDatetime
    history: list[Moved]


class ShipmentList(BaseModel):
    items: list[ShipmentOut]


class Move(BaseModel):
    """When it happened; now, unless told otherwise."""

    at: AwareDatetime | None = None


class Carrier(Company):
    """The depot floor: every change of a shipment is kept together with the notice of it."""

    def book(self, booking: Booking) -> tuple[Shipment, bool]:
        """The shipment under this reference, and whether it is new."""
        if known := self.with_reference(booking.reference):
            return known[0], False
        shipment = Shipment.book(booking, self.clock.now())
        if not self.faults.strikes(self.faults.now.forget_rate):
            self._keep(shipment, None)
        self.clock.wake()
        return shipment, True

    def find(self, tracking: str) -> Shipment:
        body = self.memory.thing(tracking)
        if body is None:
            raise HTTPException(404, f"no shipment {tracking}")
        return Shipment.model_validate_json(body)

    def with_reference(self, reference: str) -> list[Shipment]:
        return [Shipment.model_validate_json(body) for body in self.memory.with_reference(reference)]

    def newest(self, limit: int) -> list[Shipment]:
        return [Shipment.model_validate_json(body) for body in self.memory.newest(limit)]

    def move(self, tracking: str, to: Status, move: Move) -> Shipment:
        shipment = self.find(tracking)
        self._keep(shipment, shipment.move(to, move.at or self.clock.now()))
        return shipment

    async def follow_plans(self) -> None:
        """Moves what is due, for ever."""
        while True:
            due = self.memory.due_things(self.clock.now(), _AT_ONCE)
            for body in due:
                shipment = Shipment.model_validate_json(body)
                self._keep(shipment, shipment.follow_plan())
            await self.clock.wait(0 if due else _LOOK_SECONDS)

    def out(self, shipment: Shipment) -> ShipmentOut:
        return ShipmentOut(
            carrier=CARRIER,
            label_url=f"{self.place.url}/labels/{shipment.tracking}.pdf",
            **{name: getattr(shipment, name) for name in ShipmentOut.model_fields.keys() - {"carrier", "label_url"}},
        )

    def _keep(self, shipment: Shipment, moved: Moved | None) -> None:
        notices = []
        if moved:
            body = {
                "tracking": shipment.tracking,
                "reference": shipment.reference,
                "status": moved.status,
                "occurred_at": moved.at.isoformat(),
                "sequence": shipment.sequence,
            }
            notices = self.notifier.notices(shipment.tracking, shipment.sequence, body)
        kept = shipment.model_dump_json(by_alias=True)
        self.memory.keep(shipment.tracking, shipment.reference, kept, shipment.next_due, notices)
        self.notifier.wake()


def carrier_app(carrier: Carrier) -> FastAPI:
    """The carrier's API and its controls."""
    app = carrier.app("Simulated carrier", carrier.follow_plans)

    @app.post("/shipments", status_code=201, responses={200: {"description": "booked before under this reference"}})
    async def book_shipment(booking: Booking, response: Response) -> ShipmentOut:
        """One shipment per reference: ordering again answers 200 with the first."""
        if carrier.faults.now.reject:
            raise HTTPException(422, "this shipment is refused")
        shipment, new = carrier.book(booking)
        response.status_code = 201 if new else 200
        return carrier.out(shipment)

    @app.get("/shipments")
    async def list_shipments(
        reference: str | None = None, limit: Annotated[int, Query(ge=1, le=500)] = 50
    ) -> ShipmentList:
        """Those under a reference, or the newest."""
        deaf = reference is None or carrier.faults.now.deaf
        found = carrier.newest(limit) if deaf else carrier.with_reference(reference or "")
        return ShipmentList(items=[carrier.out(each) for each in found])

    @app.get("/shipments/{tracking}")
    async def show_shipment(tracking: str) -> ShipmentOut:
        return carrier.out(carrier.find(tracking))

    @app.get("/labels/{tracking}.pdf", response_class=Response)
    async def print_label(tracking: str) -> Response:
        from deploy.simulators.labels import label_pdf  # with its libraries only where one is printed

        label = await asyncio.to_thread(label_pdf, carrier.find(tracking))
        return Response(label, media_type="application/pdf")

    @app.post("/simulate/shipments/{tracking}/{happening}", tags=["simulate"])
    async def move_shipment(tracking: str, happening: str, move: Move | None = None) -> ShipmentOut:
        """`picked-up`, `in-transit`, `delivered`, `refused`, `lost` or `return-received`."""
        known = {status.replace("_", "-"): status for status in Status if status is not Status.BOOKED}
        if happening not in known:
            raise HTTPException(404, f"a shipment can be {', '.join(known)}")
        return carrier.out(carrier.move(tracking, known[happening], move or Move()))

    @app.exception_handler(CannotMove)
    async def refuse_move(_: Request, error: CannotMove) -> JSONResponse:
        return JSONResponse({"detail": str(error), "possible": error.possible}, 409)

    return app


if __name__ == "__main__":
    telemetry.configure("carrier")
    place = Place.from_environment("carrier", receiver="rma", path="/v1/carrier-events")
    run(carrier_app(Carrier(place)), place.url)
