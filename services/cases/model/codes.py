"""Codes of the lists that managers keep, with what they say in both languages."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from libs.kit.fields import Line
from libs.kit.problems import Unprocessable

Written = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$", max_length=40)]


class NoSuchCode(Unprocessable):
    """A code is one of the list that is in force for the case."""


class CodeRequired(Unprocessable):
    """The policy wants it to be said what ended the trouble."""


class Code(BaseModel):
    """What facts and filters say, and how people read it."""

    code: Written
    vi: Line
    en: Line


def _once(codes: tuple[Code, ...]) -> tuple[Code, ...]:
    if len({each.code.lower() for each in codes}) < len(codes):
        raise ValueError("a code stands in its list once")
    return codes


Codes = Annotated[tuple[Code, ...], Field(max_length=200), AfterValidator(_once)]


class TooManyTags(Unprocessable):
    """A case has at most as many as the policy says."""


def must_be_of(codes: Iterable[Code], named: Iterable[str], *, field: str) -> None:
    """Raises NoSuchCode."""
    known = [each.code for each in codes]
    if unknown := [each for each in named if each not in known]:
        raise NoSuchCode("The list in force has no such code.", field=field, unknown=unknown, known=known)


CLOSING_CODES = (
    Code(code="replaced", vi="Đã thay thiết bị hoặc linh kiện", en="Unit or part replaced"),
    Code(code="repaired", vi="Đã sửa chữa", en="Repaired"),
    Code(code="software", vi="Đã cập nhật phần mềm", en="Software updated"),
    Code(code="configuration", vi="Đã chỉnh cấu hình", en="Configuration changed"),
    Code(code="guidance", vi="Đã hướng dẫn sử dụng", en="Guidance given"),
    Code(code="partner", vi="Đối tác đã xử lý", en="Solved by the partner"),
    Code(code="no-fault-found", vi="Không phát hiện lỗi", en="No fault found"),
    Code(code="not-covered", vi="Ngoài phạm vi hợp đồng", en="Outside the contract"),
)
TAGS = (
    Code(code="installation", vi="Lắp đặt", en="Installation"),
    Code(code="network", vi="Mạng", en="Network"),
    Code(code="accessory", vi="Phụ kiện", en="Accessory"),
    Code(code="training", vi="Hướng dẫn, đào tạo", en="Training"),
    Code(code="recurring", vi="Lặp lại", en="Recurring"),
)
