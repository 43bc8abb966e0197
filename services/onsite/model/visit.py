"""One visit's rows together, and what has to be so before something can be done with it."""

from datetime import datetime
from typing import NamedTuple

from libs.kit.problems import Conflict
from services.onsite.model.appointment import Appointment
from services.onsite.model.case_file import CaseFile
from services.onsite.model.work_order import NoVisit, VisitExists, WorkOrder


class PartNotPromised(Conflict):
    """No visit can be planned while a part is not on its way."""


class LockedVisit(NamedTuple):
    """A work order with its case file and its active appointment, all of them locked unless they are read only."""

    case: CaseFile
    order: WorkOrder
    appointment: Appointment | None
    now: datetime

    def booked(self) -> Appointment:
        """The active appointment. Raises NoVisit, or ForbiddenTransition for a work order that has ended."""
        if self.appointment is None:
            self.order.must_lead_to("in_progress" if self.order.state != "open" else "planned")
            raise NoVisit("No visit is booked.", state=self.order.state, possible=["slots", "book"])
        return self.appointment

    @property
    def parts_by(self) -> datetime:
        """When every part of it is at the site, as promised. Raises PartNotPromised."""
        ready = self.case.readiness(self.order.diagnosis_id, frozenset(self.order.unusable))
        if ready.by is None:
            raise PartNotPromised(
                "A visit is planned once every part of it is promised.",
                state=self.order.state,
                waiting_for=ready.reason,
                possible=[],
            )
        return ready.by

    @property
    def earliest(self) -> datetime | None:
        """From when on it can be; None while a part is not on its way."""
        ready = self.case.readiness(self.order.diagnosis_id, frozenset(self.order.unusable))
        return ready.by and self.case.visitable_from(self.order.diagnosis_id, ready.by)

    def must_be_bookable(self) -> datetime:
        """Raises VisitExists, PartNotPromised, ForbiddenTransition."""
        if self.appointment is not None:
            self.order.must_lead_to("in_progress")
            raise VisitExists("A visit is booked already.", state=self.order.state, possible=["reschedule"])
        self.order.must_lead_to("planned")
        return self.parts_by

    def must_be_movable(self) -> datetime:
        """Raises NoVisit, AlreadyDeparted, PartNotPromised, ForbiddenTransition."""
        self.booked().must_be_movable()
        return self.parts_by

    def must_be_ready_to_depart(self) -> None:
        """Raises PartNotDelivered, TooEarly, AlreadyDeparted, NoVisit, ForbiddenTransition."""
        self.booked().must_be_ready_to_depart(self.case.undelivered(self.order.diagnosis_id), at=self.now)

    def must_be_coming(self) -> None:
        """Raises NoVisit, ForbiddenTransition."""
        self.booked().must_be_coming()

    def must_be_callable_off(self) -> None:
        """Raises AlreadyDeparted, ForbiddenTransition."""
        self.order.must_lead_to("cancelled")
        if self.appointment is not None:
            self.appointment.must_be_movable()

    def must_lack_a_part(self) -> None:
        """Raises Conflict where every part of it is in, NotYet, NoVisit, ForbiddenTransition."""
        appointment, parts = self.booked(), self.case.parts_of(self.order.diagnosis_id)
        appointment.must_have_begun()
        if parts and parts.keys() <= {each.rma_id for each in appointment.installed}:
            raise Conflict("Every part of the visit is in.", state=appointment.state, rma_ids=sorted(map(str, parts)))

    def must_be_done(self) -> None:
        """Raises NotYet, NoVisit, ForbiddenTransition."""
        self.booked().must_be_done(self.case.parts_of(self.order.diagnosis_id))
