"""A result as an SVG bar chart: a bar to the median, a whisker over the range; readable on light and on dark."""

from html import escape

from tests.bench.figures import with_unit
from tests.bench.results import Result

_WIDTH, _LABEL, _ROW, _TOP, _BAR = 760, 270, 30, 52, 16
_PLOT = _WIDTH - _LABEL - 130
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 } .unit { fill: #57606a } .whisker { stroke: #24292f; stroke-width: 1.5 }
  .ours { fill: #1f6feb } .peer { fill: #bf8700 } .limit { fill: #8c959f } .route { fill: #54aeff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .unit { fill: #9198a1 } .whisker { stroke: #e6edf3 }
    .ours { fill: #388bfd } .peer { fill: #d29922 } .limit { fill: #6e7681 } .route { fill: #79c0ff }
  }
"""


def svg(result: Result) -> str:
    """The whole document."""
    height = _TOP + _ROW * len(result.variants) + 8
    most = max(variant.high for variant in result.variants) or 1.0
    rows = []
    for n, variant in enumerate(result.variants):
        middle = _TOP + _ROW * n + _ROW / 2
        to_median, to_low, to_high = (_PLOT * value / most for value in (variant.median, variant.low, variant.high))
        rows.append(
            f'<text x="{_LABEL - 10}" y="{middle + 4:g}" text-anchor="end">{escape(variant.name)}</text>'
            f'<rect class="{variant.role}" x="{_LABEL}" y="{middle - _BAR / 2:g}" width="{to_median:.1f}" height="{_BAR}" rx="2"/>'
            f'<path class="whisker" fill="none" d="M{_LABEL + to_low:.1f} {middle:g}H{_LABEL + to_high:.1f}'
            f'M{_LABEL + to_low:.1f} {middle - 4:g}v8M{_LABEL + to_high:.1f} {middle - 4:g}v8"/>'
            f'<text x="{_LABEL + to_high + 8:.1f}" y="{middle + 4:g}">{with_unit(variant.median, result.unit)}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" role="img">\n'
        f"<title>{escape(result.id)}: {escape(result.title)}</title>\n<style>{_STYLE}</style>\n"
        f'<text class="title" x="10" y="20">{escape(result.id)}: {escape(result.title)}</text>\n'
        f'<text class="unit" x="10" y="39">median and range of {len(result.variants[0].samples)} samples, {escape(result.unit)}</text>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )
