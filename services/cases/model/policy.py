"""The numbers that the business may change; services.md says where the defaults come from."""

from typing import Annotated, get_args

from pydantic import AfterValidator, BaseModel, Field

from libs.events.values import Priority, Severity
from libs.kit.calendar import CalendarData, WeeklyWindow
from libs.kit.fields import Line
from libs.kit.policies import Policies

_WEEKDAYS = CalendarData(
    time_zone="Asia/Ho_Chi_Minh", windows=(WeeklyWindow(weekdays=(0, 1, 2, 3, 4), opens="00:00", closes="24:00"),)
)


def _whole(priorities: dict[Severity, Priority]) -> dict[Severity, Priority]:
    if set(priorities) != set(get_args(Severity)):
        raise ValueError("every severity has a priority")
    return priorities


class CasesPolicy(BaseModel):
    """What a severity means, when a resolved case closes, how large a file may be (bytes), where a case goes by default."""

    priorities: Annotated[dict[Severity, Priority], AfterValidator(_whole)] = {
        "critical": "P1",
        "major": "P2",
        "moderate": "P3",
        "minor": "P4",
    }
    auto_close_business_days: int = Field(5, ge=1, le=60)
    business_calendar: CalendarData = _WEEKDAYS
    attachment_max_bytes: int = Field(10 * 2**20, ge=1, le=25 * 2**20)
    default_queue: Line = "support"
    known_errors_proposed: int = Field(3, ge=0, le=20)


policies = Policies("cases", CasesPolicy)
