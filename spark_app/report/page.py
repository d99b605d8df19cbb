"""The report's page: what a run found, for a person."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from contract.summary import Summary
from spark_app.numerics.pca import Basis
from spark_app.report import charts
from spark_app.tables import Tables

SAMPLE = 2_000
"""Points of the scatter plot at most: a page that opens at once, from a corpus of any size."""

LISTED_REJECTS = 20

ROUNDING = 1e-9
"""Shares of the variance below this are rounding."""

NO_LABEL = "(no folder)"


@dataclass(frozen=True)
class ReportData:
    """What the report shows beside the summary.

    Attributes
    ----------
    ratios
        Share of the variance along each direction, all that carry some.
    sample
        label, PC1 and PC2 of some images, the same ones for the same table.
    reasons
        Reason → images that stand refused for it.
    rejects
        key, reason and detail of some of them.
    """

    ratios: list[float]
    sample: list[tuple[str, float, float]]
    reasons: dict[str, int]
    rejects: list[tuple[str, str, str]]


def report_data(tables: Tables, basis: Basis | None) -> ReportData:
    """Read what the report shows from the tables: a bounded number of rows, whatever the corpus."""
    spark = tables.spark
    sample = spark.sql(f"""
        SELECT coalesce(label, '{NO_LABEL}') AS label, components[0] AS x, try_element_at(components, 2) AS y
        FROM {tables.components} ORDER BY xxhash64(key) LIMIT {SAMPLE}
    """)
    reasons = spark.sql(f"SELECT reason, count(*) AS n FROM {tables.rejects} GROUP BY reason ORDER BY n DESC, reason")
    rejects = spark.sql(f"SELECT key, reason, detail FROM {tables.rejects} ORDER BY key LIMIT {LISTED_REJECTS}")
    return ReportData(
        ratios=_ratios(basis) if basis else [],
        sample=[(row.label, row.x, row.y or 0.0) for row in sample.collect()],
        reasons={row.reason: row.n for row in reasons.collect()},
        rejects=[(row.key, row.reason, row.detail) for row in rejects.collect()],
    )


def _ratios(basis: Basis) -> list[float]:
    total = basis.spectrum.sum()
    ratios = basis.spectrum / total if total else basis.spectrum
    carrying = int(np.count_nonzero(ratios > ROUNDING))
    return [float(ratio) for ratio in ratios[: max(carrying, len(basis.components))]]


def render_report(summary: Summary, data: ReportData) -> str:
    """Write the report.

    Returns
    -------
    str
        A complete HTML document.
    """
    return _template().render(
        summary=summary,
        data=data,
        charts=charts,
        curve=charts.cumulative(data.ratios) if data.ratios else None,
        scatter=charts.scatter(data.sample) if data.sample else None,
        needed=_needed(data.ratios),
    )


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
