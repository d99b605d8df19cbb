"""A chart of all comparisons with targets: how many times better or worse than its target each of them is."""

from html import escape

from benchmarks.measurement import Comparison
from benchmarks.results import Results
from spark_app.report.charts import Axis

LABELS, WIDTH, ROW = 560, 1000, 22
REACHED, MISSED = "#2a7f62", "#b3452c"


def margin(comparison: Comparison) -> float | None:
    """Return how far a comparison is beyond its target: 1 is the target itself, 2 is twice as good.

    It is `None` for a comparison without a target, and for one with two, which asks for equality.
    """
    if not comparison.median or (comparison.at_least is None) == (comparison.at_most is None):
        return None
    if comparison.at_most is not None:
        return comparison.at_most / comparison.median
    return comparison.median / (comparison.at_least or 1)


def chart_of(results: Results) -> str:
    """Return an SVG with one bar per comparison; a line marks the targets."""
    bars = [(one, share) for one in results.comparisons if (share := margin(one)) is not None]
    axis = Axis(0, max([1.25, *(share for _, share in bars)]) * 1.05, LABELS, WIDTH - 60)
    height = ROW * (len(bars) + 3)
    font = 'font-family="sans-serif" font-size="12"'
    title = "Each comparison as a multiple of its target: 1 is the target, and more is better."
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" {font}>',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="8" y="{ROW * 0.7:.0f}">{title}</text>',
    ]
    lines += [_bar(axis, number, one, share) for number, (one, share) in enumerate(bars, 1)]
    bottom = ROW * (len(bars) + 1.2)
    lines.append(f'<line x1="{axis.at(1)}" x2="{axis.at(1)}" y1="{ROW}" y2="{bottom:.0f}" stroke="black"/>')
    lines += [
        f'<text x="{tick.position}" y="{bottom + ROW * 0.8:.0f}" text-anchor="middle">{tick.text}</text>'
        for tick in axis.ticks()
    ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def _bar(axis: Axis, number: int, comparison: Comparison, share: float) -> str:
    top, length = ROW * number, axis.at(share) - axis.at(0)
    colour = REACHED if comparison.is_reached else MISSED
    return (
        f'<text x="{LABELS - 8}" y="{top + ROW * 0.7:.0f}" text-anchor="end">{escape(comparison.name)}</text>'
        f'<rect x="{LABELS}" y="{top + 3}" width="{length:.1f}" height="{ROW - 6}" fill="{colour}"/>'
        f'<text x="{LABELS + length + 6:.1f}" y="{top + ROW * 0.7:.0f}">{comparison.median:.3g}</text>'
    )
