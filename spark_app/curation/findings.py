"""The rows of all findings: those of each kind together, the worst first."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contract.findings import Kind
from spark_app.curation.found import NONE, Found
from spark_app.curation.images import Images

FINDINGS = pa.schema(
    [
        ("key", pa.string()),
        ("label", pa.string()),
        ("kind", pa.string()),
        ("score", pa.float64()),
        ("other_key", pa.string()),
        ("detail", pa.string()),
    ]
)

DECIMALS = 4
"""Decimals of a score. Sums in another order differ in later ones."""


def rows_of(found: Iterable[Found], images: Images) -> pa.Table:
    """Return rows of `FINDINGS`: kind by kind in the order of `Kind`, each the worst first, then by key."""
    order = list(Kind)
    parts = [_rows_of_kind(each, images) for each in sorted(found, key=lambda each: order.index(each.kind))]
    return pa.concat_tables([FINDINGS.empty_table(), *parts])


def _rows_of_kind(found: Found, images: Images) -> pa.Table:
    scores = np.round(found.scores, DECIMALS)
    order = np.lexsort((found.images, -scores))
    others = pa.array(found.others[order], pa.int64(), mask=found.others[order] == NONE)
    columns = [
        images.keys.take(found.images[order]),
        images.rows["label"].take(found.images[order]),
        pa.array([str(found.kind)] * len(order), pa.string()),
        pa.array(scores[order]),
        images.keys.take(others),
        pa.array([found.details[number] for number in order], pa.string()),
    ]
    return pa.table(columns, schema=FINDINGS)


def counts_of(rows: pa.Table) -> dict[str, int]:
    """Return the number of findings of each kind, in the order of `Kind`."""
    counted = {row["values"]: row["counts"] for row in pc.value_counts(rows["kind"]).to_pylist()}
    return {str(kind): counted.get(kind, 0) for kind in Kind}
