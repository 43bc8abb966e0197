"""What a depot prints for a parcel: the label, and the slip that lies in it. Vietnamese and English.

Be Vietnam Pro has every letter of Vietnamese; fpdf2's built-in fonts do not. The barcodes are Code 128 (ISO/IEC 15417), drawn as vectors.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import fontpkg_be_vietnam_pro  # type: ignore[import-untyped]
from barcode import Code128  # type: ignore[import-untyped]
from fpdf import FPDF

from libs.events.values import Language

_FONTS = Path(fontpkg_be_vietnam_pro.__file__).parent / "files"
_QUIET = 10
"""Modules without a bar on either side, as the standard asks for."""
_WIDE, _ROOM = 34, 7
_WORDS: dict[str, tuple[str, str]] = {
    "from": ("From", "Người gửi"),
    "to": ("To", "Người nhận"),
    "prepaid": ("Shipping paid", "Cước đã trả"),
    "outbound": ("Replacement", "Linh kiện thay thế"),
    "return": ("Return", "Hàng trả về"),
    "slip": ("Packing slip", "Phiếu đóng gói"),
    "case": ("Case", "Yêu cầu hỗ trợ"),
    "reference": ("Reference", "Mã tham chiếu"),
    "tracking": ("Tracking number", "Mã vận đơn"),
    "carrier": ("Carrier", "Hãng vận chuyển"),
    "promised": ("Promised for", "Hẹn giao ngày"),
    "part": ("Part", "Linh kiện"),
    "part_number": ("Part number", "Mã linh kiện"),
    "serial": ("Serial number", "Số sê-ri"),
    "quantity": ("Quantity", "Số lượng"),
    "next_business_day": ("next business day", "ngày làm việc kế tiếp"),
    "papers": ("Papers that go with it", "Giấy tờ đi kèm"),
    "commercial_invoice": ("Commercial invoice", "Hóa đơn thương mại"),
    "customs_declaration": ("Customs declaration", "Tờ khai hải quan"),
    "lithium_battery_declaration": ("Lithium battery declaration", "Khai báo pin lithium"),
    "lithium": (
        "LITHIUM ION BATTERIES – UN3481 – do not load if damaged",
        "PIN LITHIUM ION – UN3481 – không xếp lên nếu hư hỏng",
    ),
    "back": (
        "Please send the defective part back with the label enclosed; shipping is paid by us.",
        "Vui lòng gửi trả linh kiện hỏng bằng nhãn kèm theo; cước do chúng tôi trả.",
    ),
}


class Party(NamedTuple):
    """Who sends or receives: lines as they are printed, the name first."""

    lines: Sequence[str]


class Parcel(NamedTuple):
    """What stands on the paper of a parcel. `language` is of its reader."""

    language: Language
    direction: str
    rma_number: str
    case_number: str | None
    sender: Party
    recipient: Party
    carrier: str
    service: str
    tracking: str
    reference: str
    part_number: str
    part_name: str
    serial: str | None
    promised: str | None
    lithium: bool
    papers: Sequence[str]
    to_return: bool


def label_pdf(parcel: Parcel) -> bytes:
    """100 × 150 mm, the usual thermal label: who to whom, and the tracking number as a barcode."""
    pdf = _paper((100, 150), 6, f"{_say('tracking', parcel)} {parcel.tracking}", parcel)
    _line(pdf, parcel.carrier, 15, bold=True)
    said = (_say(parcel.direction, parcel), _say(parcel.service, parcel), _say("prepaid", parcel))
    _line(pdf, " · ".join(filter(None, said)), 8)
    _rule(pdf)
    _party(pdf, _say("from", parcel), parcel.sender, 8)
    # a long address must not run into the barcode
    _party(pdf, _say("to", parcel), parcel.recipient, 12 if _height(parcel) <= _ROOM else 8)
    _rule(pdf)
    _line(pdf, f"{parcel.rma_number}   {_say('reference', parcel)} {parcel.reference}", 7)
    if parcel.lithium:
        pdf.ln(1)
        pdf.set_fill_color(0)
        pdf.set_text_color(255)
        pdf.set_font("text", "B", 8)
        pdf.multi_cell(0, 6, _say("lithium", parcel), align="C", fill=True, new_x="LMARGIN", new_y="NEXT")
        pdf.set_text_color(0)
    _barcode(pdf, parcel.tracking, top=112, height=24)
    return bytes(pdf.output())


def packing_slip_pdf(parcel: Parcel) -> bytes:
    """A4, to lie in the parcel: what it is, for which RMA, which papers go with it, and what is to come back."""
    pdf = _paper((210, 297), 18, f"{_say('slip', parcel)} {parcel.rma_number}", parcel)
    _line(pdf, f"{_say('slip', parcel)} – {parcel.rma_number}", 18, bold=True)
    _rule(pdf)
    top = pdf.get_y()
    _party(pdf, _say("from", parcel), parcel.sender, 10, width=84)
    low = pdf.get_y()
    pdf.set_xy(108, top)
    _party(pdf, _say("to", parcel), parcel.recipient, 10, left=108, width=84)
    pdf.set_xy(pdf.l_margin, max(low, pdf.get_y()))
    _rule(pdf)
    for name, text in (
        ("case", parcel.case_number),
        ("carrier", ", ".join(filter(None, (parcel.carrier, _say(parcel.service, parcel))))),
        ("tracking", parcel.tracking),
        ("promised", parcel.promised),
        ("part", parcel.part_name),
        ("part_number", parcel.part_number),
        ("serial", parcel.serial),
        ("quantity", "1"),
        ("papers", ", ".join(_say(each, parcel) for each in parcel.papers)),
    ):
        if text:
            _row(pdf, _say(name, parcel), text)
    if parcel.to_return:
        pdf.ln(4)
        _line(pdf, _say("back", parcel), 11, bold=True)
    _barcode(pdf, parcel.serial or parcel.rma_number, top=248, height=22, width=110)
    return bytes(pdf.output())


def _height(parcel: Parcel) -> int:
    """Lines of the recipient in large letters, as far as their lengths tell."""
    return sum(1 + len(line) // _WIDE for line in parcel.recipient.lines)


def _say(name: str, parcel: Parcel) -> str:
    en, vi = _WORDS.get(name, (name, name))
    return vi if parcel.language == "vi" else en


def _paper(size: tuple[float, float], margin: float, title: str, parcel: Parcel) -> FPDF:
    pdf = FPDF(unit="mm", format=size)
    pdf.add_font("text", "", _FONTS / "BeVietnamPro-Regular.ttf")
    pdf.add_font("text", "B", _FONTS / "BeVietnamPro-Bold.ttf")
    pdf.set_title(title)
    pdf.set_lang("vi-VN" if parcel.language == "vi" else "en")
    pdf.set_margin(margin)
    pdf.set_auto_page_break(False)
    pdf.add_page()
    return pdf


def _line(pdf: FPDF, text: str, size: float, *, bold: bool = False, width: float = 0) -> None:
    pdf.set_font("text", "B" if bold else "", size)
    pdf.multi_cell(width, size * 0.47, text, align="L", new_x="LEFT", new_y="NEXT")


def _rule(pdf: FPDF) -> None:
    pdf.ln(2)
    pdf.line(pdf.l_margin, pdf.get_y(), pdf.w - pdf.r_margin, pdf.get_y())
    pdf.ln(2)


def _row(pdf: FPDF, name: str, text: str) -> None:
    pdf.set_font("text", "B", 10)
    pdf.cell(52, 7, name)
    pdf.set_font("text", "", 10)
    pdf.multi_cell(0, 7, text, align="L", new_x="LMARGIN", new_y="NEXT")


def _party(pdf: FPDF, caption: str, party: Party, size: float, *, left: float | None = None, width: float = 0) -> None:
    pdf.set_x(left or pdf.l_margin)
    _line(pdf, caption, 7, width=width)
    for number, line in enumerate(party.lines):
        _line(pdf, line, size, bold=number == 0, width=width)
    pdf.ln(2)


def _barcode(pdf: FPDF, text: str, *, top: float, height: float, width: float | None = None) -> None:
    """Across the page, or so wide in its middle, the text beneath."""
    [bars] = Code128(text).build()[:1]
    across = width or pdf.w - pdf.l_margin - pdf.r_margin
    module, left = across / (len(bars) + 2 * _QUIET), (pdf.w - across) / 2
    pdf.set_fill_color(0)
    place = 0
    while place < len(bars):
        end = place
        while end < len(bars) and bars[end] == bars[place]:
            end += 1
        if bars[place] == "1":
            # one rectangle for a bar: two that touch would show a line between them
            pdf.rect(left + (_QUIET + place) * module, top, (end - place) * module, height, style="F")
        place = end
    pdf.set_xy(left, top + height + 1)
    pdf.set_font("text", "B", 10)
    pdf.cell(across, 5, text, align="C")
