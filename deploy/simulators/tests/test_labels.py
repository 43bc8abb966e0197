import re
import zlib
from datetime import UTC, datetime

from deploy.simulators.labels import label_pdf, modules
from deploy.simulators.shipments import Address, Booking, Parcel, Shipment


def a_shipment(*, lithium: bool = False) -> Shipment:
    booking = Booking(
        reference="RMA-2026-000042",
        sender=Address(name="Depot Singapore", country="SG"),
        recipient=Address(name="Đỗ Thị Hương", lines=["9 Trần Phú"], city="Đà Nẵng", country="VN"),
        parcels=[Parcel(lithium=lithium)],
    )
    return Shipment.book(booking, datetime.now(UTC))


def page_of(pdf: bytes) -> str:
    """What the page draws."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    return "".join(zlib.decompress(each).decode("latin-1") for each in streams if each.startswith(b"x"))


def bars_of(page: str, count: int) -> str:
    """The `count` modules of the barcode, read back from the rectangles drawn."""
    lefts = [float(left) for left in re.findall(r"^([\d.]+) [\d.]+ [\d.]+ -[\d.]+ re f$", page, re.MULTILINE)]
    width = (lefts[-1] - lefts[0]) / (count - 1)  # a barcode begins and ends with a bar
    places = {round((left - lefts[0]) / width) for left in lefts}
    return "".join("1" if place in places else "0" for place in range(max(places) + 1))


def test_the_bars_on_the_page_are_the_tracking_number() -> None:
    shipment = a_shipment()
    expected = modules(shipment.tracking)
    assert bars_of(page_of(label_pdf(shipment)), len(expected)) == expected


def test_a_label_is_readable_without_diacritics() -> None:
    page = page_of(label_pdf(a_shipment()))
    assert "Do Thi Huong" in page
    assert "Da Nang" in page
    assert "RMA-2026-000042" in page


def test_lithium_is_marked_only_where_there_is_some() -> None:
    assert "LITHIUM" in page_of(label_pdf(a_shipment(lithium=True)))
    assert "LITHIUM" not in page_of(label_pdf(a_shipment()))
