"""The numbers that the business may change at run time; the defaults are the seeded values."""

from pydantic import BaseModel, ConfigDict, Field

from libs.events.onsite import FailureReason
from libs.events.values import Domain, TimeOfDay
from libs.kit.fields import Short
from libs.kit.policies import Policies


class OnsitePolicy(BaseModel):
    """By plan and by the site's country."""

    model_config = ConfigDict(extra="forbid")

    # False: the customer chooses, nothing is booked before
    auto_book: bool = True
    visit_minutes: int = Field(120, ge=15, le=600)
    arrival_window_minutes: int = Field(60, ge=15, le=480)
    slot_minutes: int = Field(30, ge=5, le=240)
    horizon_days: int = Field(30, ge=1, le=120)
    # between now and a technician's departure
    notice_minutes: int = Field(60, ge=0, le=2880)
    missed_grace_minutes: int = Field(30, ge=0, le=480)
    # nobody departs earlier than that before the window, or than the way takes
    depart_before_minutes: int = Field(120, ge=0, le=1440)
    # behind its window: until then a technician who is held up by the visit before still comes, later the visit is planned anew
    delay_minutes: int = Field(60, ge=0, le=480)
    # how much longer a visit is taken to last that is not over when it should be
    overrun_minutes: int = Field(30, ge=5, le=240)
    # how long ago a step was done that is told later
    told_later_hours: int = Field(72, ge=0, le=720)
    # how far the clock of whoever tells it may be ahead of ours
    clock_skew_seconds: int = Field(120, ge=0, le=3600)
    # until a visit that found no technician is tried again
    retry_minutes: int = Field(60, ge=5, le=1440)
    # after the window, until a visit whose technician is still on the way is put before the dispatcher
    late_minutes: int = Field(240, ge=15, le=2880)
    travel_kmh: float = Field(30, gt=0, le=200)
    # the road against the great circle
    travel_detour: float = Field(1.3, ge=1, le=5)
    travel_minimum_minutes: int = Field(15, ge=0, le=240)
    # where one end is not on our map
    travel_unknown_minutes: int = Field(45, ge=0, le=480)
    # for each of a day plan's two goals
    solver_seconds: float = Field(5, gt=0, le=30)
    # of a site that told no opening hours, Monday to Friday
    opens: TimeOfDay = "08:30"
    closes: TimeOfDay = "17:30"
    max_failed_visits: int = Field(3, ge=1, le=10)
    ending_reasons: list[FailureReason] = ["customer_declined", "not_resolved"]
    # the visit with its contact and access notes, once it is over
    technician_sees_hours: int = Field(24, ge=0, le=720)
    excluded_domains: list[Domain] = ["software", "configuration"]
    skills_by_component: dict[Short, list[Short]] = {}


policies = Policies("onsite", OnsitePolicy)
