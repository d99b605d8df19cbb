"""The HTML page of the report."""

from collections.abc import Mapping
from functools import cache, partial
from types import MappingProxyType

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from contract.layout import ResultFile
from contract.report_cost import COST_PLACE
from contract.summary import Summary
from spark_app.report import charts, sections
from spark_app.report.data import ReportData
from spark_app.report.pictures import picture_of
from spark_app.words import counted

ROUNDING = 1e-9
"""A share of the variance below this is a rounding error."""

NO_PICTURES: Mapping[str, bytes] = MappingProxyType({})


def render_report(summary: Summary, data: ReportData, pictures: Mapping[str, bytes] = NO_PICTURES) -> str:
    """Return the report as an HTML document, without scripts, and without parts in other files.

    Parameters
    ----------
    pictures
        Key → thumbnail, a WebP file of 48 x 48 pixels. Images that have none get a placeholder of the same size.
        Without any thumbnail, the report has no ends of components, which would be placeholders only.
    """
    ratios = _ratios(summary, data)
    sample = [(image.label or sections.NO_LABEL, image.x, image.y) for image in data.sample]
    return _template().render(
        summary=summary,
        data=data,
        charts=charts,
        sections=sections,
        picture_of=partial(picture_of, pictures),
        shows_ends=bool(data.ends and pictures),
        ratios=ratios,
        curve=charts.cumulative(ratios) if ratios else None,
        scatter=charts.scatter(sample) if sample else None,
        needed=_needed(ratios),
        cost_place=COST_PLACE,
        explorer=ResultFile.EXPLORER,
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
        loader=PackageLoader("spark_app.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["counted"] = counted
    environment.filters["in_digits"] = sections.in_digits
    environment.filters["in_time"] = sections.in_time
    environment.filters["in_utc"] = sections.in_utc
    return environment.get_template("report.html.j2")
