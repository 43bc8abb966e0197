"""The findings document on paper. Be Vietnam Pro has every letter of Vietnamese; fpdf2's built-in fonts do not."""

from pathlib import Path
from zoneinfo import ZoneInfo

import fontpkg_be_vietnam_pro  # type: ignore[import-untyped]
from fpdf import FPDF

from libs.events.values import PartnerContact
from services.ecps.model.findings import Findings
from services.ecps.model.wording import label

_FONTS = Path(fontpkg_be_vietnam_pro.__file__).parent / "files"


def findings_pdf(findings: Findings, time_zone: str) -> bytes:
    """A4; instants in the customer's time zone."""
    pdf = FPDF(format="A4")
    pdf.add_font("text", "", _FONTS / "BeVietnamPro-Regular.ttf")
    pdf.add_font("text", "B", _FONTS / "BeVietnamPro-Bold.ttf")
    pdf.set_margin(18)
    pdf.add_page()
    title = f"{label('title', findings.language)} – {findings.reference}"
    pdf.set_title(title)
    pdf.set_lang("vi-VN" if findings.language == "vi" else "en")
    _line(pdf, title, 16, bold=True)
    for name, text in _rows(findings, time_zone):
        if text:
            pdf.ln(2)
            _line(pdf, label(name, findings.language), 9, bold=True)
            _line(pdf, text, 11)
    return bytes(pdf.output())


def _rows(f: Findings, time_zone: str) -> list[tuple[str, str | None]]:
    when = f.diagnosed_at.astimezone(ZoneInfo(time_zone))
    return [
        ("case", f.case_number),
        ("engagement", f.reference),
        ("product", f.product),
        ("serial", f.serial),
        ("reported", f.reported),
        ("component", f.component),
        ("fault_code", f.fault_code),
        ("findings", f.findings),
        ("confidence", label(f.confidence, f.language)),
        ("diagnosed_at", f"{when:%Y-%m-%d %H:%M} ({time_zone})"),
        ("partner", f.partner_name),
        ("ticket", " – ".join(filter(None, (f.ticket_number, f.ticket_url)))),
        ("no_ticket", f.explanation),
        ("contact", _contact(f.partner_contact)),
    ]


def _contact(contact: PartnerContact | None) -> str | None:
    if contact is None:
        return None
    return ", ".join(filter(None, (contact.name, contact.email, contact.phone, contact.url)))


def _line(pdf: FPDF, text: str, size: float, *, bold: bool = False) -> None:
    pdf.set_font("text", "B" if bold else "", size)
    pdf.multi_cell(0, size * 0.5, text, align="L", new_x="LMARGIN", new_y="NEXT")
