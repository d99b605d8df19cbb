"""The report's page: what a run found, for a person."""

from functools import cache

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from contract.summary import Summary
from spark_app.report import charts
from spark_app.stages.results import ReportData

ROUNDING = 1e-9
"""Shares of the variance below this are rounding."""

NO_LABEL = "(no folder)"


def render_report(summary: Summary, data: ReportData) -> str:
    """Write the report.

    Returns
    -------
    str
        A complete HTML document.
    """
    ratios = _ratios(summary, data)
    sample = [(image.label or NO_LABEL, image.x, image.y) for image in data.sample]
    return _template().render(
        summary=summary,
        data=data,
        charts=charts,
        ratios=ratios,
        curve=charts.cumulative(ratios) if ratios else None,
        scatter=charts.scatter(sample) if sample else None,
        needed=_needed(ratios),
    )


def _ratios(summary: Summary, data: ReportData) -> list[float]:
    """Share of the variance along each direction: all that carry some."""
    if summary.pca is None:
        return []
    spectrum = np.array(data.spectrum)
    total = spectrum.sum()
    ratios = spectrum / total if total else spectrum
    carrying = int(np.count_nonzero(ratios > ROUNDING))
    return [float(ratio) for ratio in ratios[: max(carrying, summary.pca.components)]]


def _needed(ratios: list[float]) -> dict[int, int]:
    """Percent of the variance → how many components keep it."""
    reached = np.cumsum(ratios)
    shares = (50, 80, 90, 95, 99)
    return {share: int(np.searchsorted(reached, share / 100)) + 1 for share in shares if ratios and reached[-1] > 0}


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("spark_app.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("report.html.j2")
