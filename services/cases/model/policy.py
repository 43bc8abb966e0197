"""The numbers that the business may change; services.md says where the defaults come from."""

from typing import Annotated, get_args

from pydantic import AfterValidator, BaseModel, Field

from libs.events.values import Priority, Severity
from libs.kit.calendar import CalendarData, WeeklyWindow
from libs.kit.fields import Line
from libs.kit.policies import Policies
from services.cases.model.codes import CLOSING_CODES, TAGS, Codes

HOME = CalendarData(
    time_zone="Asia/Ho_Chi_Minh", windows=(WeeklyWindow(weekdays=(0, 1, 2, 3, 4), opens="00:00", closes="24:00"),)
)

THANKS = (
    *("thanks", "many thanks", "thanks a lot", "thanks so much", "thx", "cheers"),
    *("thank you", "thank you so much", "thank you very much", "thank you all", "thank you again"),
    *("ok", "okay", "great", "perfect", "all good", "well done", "good job", "much appreciated"),
    *("it works", "it works now", "works now", "it is working", "it's working now", "working now", "solved", "fixed"),
    *("cảm ơn", "cám ơn", "xin cảm ơn", "cảm ơn nhiều", "cảm ơn rất nhiều", "chân thành cảm ơn", "trân trọng cảm ơn"),
    *("cảm ơn bạn", "cảm ơn anh", "cảm ơn chị", "cảm ơn em", "cảm ơn anh chị", "cảm ơn các bạn", "cảm ơn các anh chị"),
    *("nhiều", "nhiều nhé", "nhé", "nha", "ạ", "vâng", "dạ", "tốt quá", "tuyệt vời", "hài lòng"),
    *("đã hoạt động", "đã hoạt động tốt", "hoạt động tốt", "hoạt động bình thường", "đã chạy", "chạy tốt", "đã được"),
    *("được rồi", "ổn rồi", "đã ổn", "xong rồi"),
)
"""What customers write when all is well, in English and Vietnamese."""


def _whole(priorities: dict[Severity, Priority]) -> dict[Severity, Priority]:
    if set(priorities) != set(get_args(Severity)):
        raise ValueError("every severity has a priority")
    return priorities


def _rising(days: tuple[int, ...]) -> tuple[int, ...]:
    if list(days) != sorted(set(days)):
        raise ValueError("each reminder comes on a later day than the one before")
    return days


class CasesPolicy(BaseModel):
    """What a severity means, when a resolved case closes, how large a file may be (bytes), where a case goes by default, how
    long before a shift ends its open P1s are told.

    A customer who owes us an answer is reminded after `remind_business_days`, and the case resolves after `silent_business_days`.

    `thanks` are the phrases of which a customer's note may be made on a resolved case without reopening it.

    `closing_codes` say what ended the trouble; where one is required, nobody of ours resolves or closes a case without.
    `tags` are what we sort cases under, `tags_most` of them for one.
    """

    priorities: Annotated[dict[Severity, Priority], AfterValidator(_whole)] = {
        "critical": "P1",
        "major": "P2",
        "moderate": "P3",
        "minor": "P4",
    }
    auto_close_business_days: int = Field(5, ge=1, le=60)
    remind_business_days: Annotated[
        tuple[Annotated[int, Field(ge=1, le=60)], ...], Field(max_length=10), AfterValidator(_rising)
    ] = (2, 5)
    silent_business_days: int = Field(10, ge=1, le=120)
    business_calendar: CalendarData | None = Field(
        None, description="null: the business days of the case's country and region"
    )
    attachment_max_bytes: int = Field(10 * 2**20, ge=1, le=25 * 2**20)
    default_queue: Line = "support"
    shift_warning_minutes: int = Field(30, ge=0, le=24 * 60)
    known_errors_proposed: int = Field(3, ge=0, le=20)
    thanks: tuple[Line, ...] = Field(THANKS, max_length=500)
    closing_codes: Codes = CLOSING_CODES
    closing_code_required: bool = False
    tags: Codes = TAGS
    satisfaction_change_days: int = Field(7, ge=0, le=365)
    tags_most: int = Field(10, ge=1, le=50)


policies = Policies("cases", CasesPolicy)
