"""Label and packing slip as they are printed: read back from the page, the barcode by a decoder of our own from its vectors."""

import re
import zlib
from typing import Any

import pytest

from services.rma.tests.builders import ACCOUNT, OTHER_ACCOUNT, Case, made, refused, reserved, seen
from services.rma.tests.conftest import CarrierCompany
from services.rma.tests.network import a_network
from services.rma.tests.test_carrier import parcel, with_labels
from tests.support.harness import Harness

# ISO/IEC 15417, table 1: the widths of bar, space, bar … of each value; 103–105 start, 106 stops. Typed here, not taken from the writer.
PATTERNS = [
    "212222",
    "222122",
    "222221",
    "121223",
    "121322",
    "131222",
    "122213",
    "122312",
    "132212",
    "221213",
    "221312",
    "231212",
    "112232",
    "122132",
    "122231",
    "113222",
    "123122",
    "123221",
    "223211",
    "221132",
    "221231",
    "213212",
    "223112",
    "312131",
    "311222",
    "321122",
    "321221",
    "312212",
    "322112",
    "322211",
    "212123",
    "212321",
    "232121",
    "111323",
    "131123",
    "131321",
    "112313",
    "132113",
    "132311",
    "211313",
    "231113",
    "231311",
    "112133",
    "112331",
    "132131",
    "113123",
    "113321",
    "133121",
    "313121",
    "211331",
    "231131",
    "213113",
    "213311",
    "213131",
    "311123",
    "311321",
    "331121",
    "312113",
    "312311",
    "332111",
    "314111",
    "221411",
    "431111",
    "111224",
    "111422",
    "121124",
    "121421",
    "141122",
    "141221",
    "112214",
    "112412",
    "122114",
    "122411",
    "142112",
    "142211",
    "241211",
    "221114",
    "413111",
    "241112",
    "134111",
    "111242",
    "121142",
    "121241",
    "114212",
    "124112",
    "124211",
    "411212",
    "421112",
    "421211",
    "212141",
    "214121",
    "412121",
    "111143",
    "111341",
    "131141",
    "114113",
    "114311",
    "411113",
    "411311",
    "113141",
    "114131",
    "311141",
    "411131",
    "211412",
    "211214",
    "211232",
]


def drawn(pdf: bytes) -> str:
    """The page's drawing."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    pages = []
    for each in streams:
        try:
            pages.append(zlib.decompressobj().decompress(each).decode("latin-1"))  # its last byte may be a line end
        except zlib.error:
            continue
    return next(page for page in pages if " re f" in page)


def bars(pdf: bytes) -> list[tuple[float, float]]:
    """Left and width of the tall filled rectangles."""
    found = re.findall(r"([\d.]+) ([\d.]+) ([\d.]+) (-?[\d.]+) re f", drawn(pdf))
    return sorted((float(x), float(w)) for x, _, w, h in found if abs(float(h)) > 40)


def decoded(pdf: bytes) -> str:
    """What a reader of Code 128 makes of the bars, check sum included."""
    found = bars(pdf)
    ends = [x + w for x, w in found]
    widths = [w for i, (x, w) in enumerate(found) for w in ([x - ends[i - 1]] if i else []) + [w]]
    module = sum(widths[:6]) / 11
    units = [round(width / module) for width in widths]
    assert units[-7:] == [2, 3, 3, 1, 1, 1, 2], "the stop"
    words = ["".join(map(str, units[i : i + 6])) for i in range(0, len(units) - 7, 6)]
    start, *values, check = [PATTERNS.index(word) for word in words]
    assert (start + sum(i * value for i, value in enumerate(values, 1))) % 103 == check
    text, kind = "", {103: "A", 104: "B", 105: "C"}[start]
    for value in values:
        if value in (99, 100, 101) and not (kind == "C" and value == 99):
            kind = {99: "C", 100: "B", 101: "A"}[value]
        else:
            text += f"{value:02}" if kind == "C" else chr(value + 32)
    return text


async def paper(rma: Harness, path: str, **how: Any) -> bytes:
    answer = await rma.get(path, **how)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text
    return answer.content


@pytest.mark.promise("S3")
@pytest.mark.parametrize("language", ["en", "vi"])
async def test_a_scanner_reads_the_tracking_number_of_a_label(
    rma: Harness, carrier: CarrierCompany, language: str
) -> None:
    found = await with_labels(rma, Case())
    path = f"/v1/rmas/{found['id']}/label.pdf?language={language}"
    assert decoded(await paper(rma, path, role="depot")) == parcel(found)["tracking"]
    back = await paper(rma, f"{path}&direction=return", role="customer", accounts=[ACCOUNT])
    assert decoded(back) == parcel(found, "return")["tracking"]
    hidden = await rma.get(path, role="customer", accounts=[OTHER_ACCOUNT])
    assert hidden.status_code == 404


@pytest.mark.parametrize("language", ["en", "vi"])
async def test_a_packing_slip_carries_the_serial_that_lies_in_the_parcel(
    rma: Harness, carrier: CarrierCompany, language: str
) -> None:
    found = await with_labels(rma, Case())
    await made(rma, f"/v1/rmas/{found['id']}/ship", {"serial": "NEW-1234"}, role="depot")
    slip = await paper(rma, f"/v1/rmas/{found['id']}/packing-slip.pdf?language={language}", role="depot")
    assert decoded(slip) == "NEW-1234"


async def test_there_is_no_label_before_the_carrier_has_given_one(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await reserved(rma, Case())
    for name in ("label", "packing-slip"):
        assert refused(await rma.get(f"/v1/rmas/{rma_id}/{name}.pdf", role="depot")) == (409, "no-label-yet")
    own = {"serial": "NEW-1", "carrier": "depot van", "tracking": "VAN-77"}
    await made(rma, f"/v1/rmas/{rma_id}/ship", own, role="depot")
    assert (await seen(rma, rma_id))["tracking"] == "VAN-77"
    assert decoded(await paper(rma, f"/v1/rmas/{rma_id}/label.pdf", role="depot")) == "VAN-77"
