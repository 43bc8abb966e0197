"""A label, and how it reaches us: typed, pasted, scanned."""

from hypothesis import strategies as st

_FULL_WIDTH = str.maketrans({chr(0x21 + n): chr(0xFF01 + n) for n in range(0x5E)})
_ADDED = ["", " ", "\u00a0", "\u200b", "\u200d", "\ufeff", "\u00ad", "\t", "\u2060"]
_AROUND = [("", ""), (" ", "\r\n"), ("*", "*"), ("'", ""), ("\u201c", "\u201d"), ("\x02", "\x03"), ('="', '"')]
_OF_SERIALS = ["", "S/N: ", "S/N", "s/n ", "SN:", "sn ", "Serial no. ", "Serial number: ", "SERIAL: ", "Số sê-ri: "]
_OF_PRODUCTS = ["", "P/N: ", "PN:", "pn ", "Product number: ", "Product no. ", "Mã sản phẩm: "]
_SCANNED = [
    "{}",
    "]A0{}",
    "]C0{}",
    "(21){}",
    "(01)00123456789012(21){}",
    "]C121{}",
    "]d2010012345678901221{}\x1d10LOT7",
]

_PIECE = st.text("0123456789ABCDEFGHJKLMNOPQRSTUVWXYZ", min_size=4, max_size=10)
labels = st.builds("{}{}{}".format, _PIECE, st.sampled_from(["", "-"]), _PIECE)


@st.composite
def _written(draw: st.DrawFn, label: str) -> str:
    text = draw(st.sampled_from([label, label.lower(), label.title(), label.translate(_FULL_WIDTH)]))
    dash = draw(st.sampled_from(["-", "\u2013", "\u2011", "\u2212"]))
    # the first three letters stay together: `SN 1` says that the serial is 1
    between = [draw(st.sampled_from(_ADDED)) for _ in text[3:]]
    return text[:3] + "".join(add + letter for add, letter in zip(between, text[3:], strict=True)).replace("-", dash)


@st.composite
def spelled_serials(draw: st.DrawFn, label: str) -> str:
    """What somebody sends for the serial `label`."""
    text = draw(_written(label))
    how = draw(st.sampled_from([*_OF_SERIALS, *_SCANNED]))
    text = how.format(text) if "{}" in how else how + text
    before, after = draw(st.sampled_from(_AROUND))
    return before + text + after


@st.composite
def spelled_product_numbers(draw: st.DrawFn, label: str) -> str:
    """What somebody sends for the product number `label`."""
    before, after = draw(st.sampled_from(_AROUND))
    return before + draw(st.sampled_from(_OF_PRODUCTS)) + draw(_written(label)) + after
