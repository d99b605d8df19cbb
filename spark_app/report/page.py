"""The HTML page of the report."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from contract.summary import Summary
from spark_app.report import charts
from spark_app.report.data import ReportData
from spark_app.words import counted

ROUNDING = 1e-9
"""A share of the variance below this is a rounding error."""

NO_LABEL = "(no folder)"


def render_report(summary: Summary, data: ReportData, pictures: Mapping[str, bytes] = MappingProxyType({})) -> str:
    """Return the report as an HTML document, without scripts and without references to other files."""
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
    """Return the share of the variance along each principal direction, without directions that have none."""
    if summary.pca is None:
        return []
    spectrum = np.array(data.spectrum)
    total = spectrum.sum()
    ratios = spectrum / total if total else spectrum
    nonzero = int(np.count_nonzero(ratios > ROUNDING))
    return [float(ratio) for ratio in ratios[: max(nonzero, summary.pca.components)]]


def _needed(ratios: list[float]) -> dict[int, int]:
    """Return, for some percentages of the variance, the number of components that captures them."""
    reached = np.cumsum(ratios)
    shares = (50, 80, 90, 95, 99)
    return {share: int(np.searchsorted(reached, share / 100)) + 1 for share in shares if ratios and reached[-1] > 0}


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("spark_app.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["counted"] = counted
    return environment.get_template("report.html.j2")


def keys_of_pictures(data: ReportData) -> set[str]:
    """Return the keys of the images whose pictures the report shows."""
    return {image.key for ends in data.ends for image in (*ends.low, *ends.high)}
