"""Tests of the saved queries: Spark, which has made the tables, runs them."""

import pytest

from cdk.stateless.queries import DUPLICATES, MATRIX_BY_LABEL, QUERIES_BY_NAME, REJECTS_OF_LAST_RUN, WORST_FINDINGS
from contract.findings import FINDING_COLUMNS
from spark_app.session import CATALOG
from spark_app.tables import Tables

ROWS = {
    "features (key, etag, label, width, height, model_id, features, run_id, processed_at)": """
        ('1.jpg', 'e', 'Plum', 10, 20, 'm', array(1.0f), 'run 1', current_timestamp()),
        ('2.jpg', 'e', 'Plum', 11, 21, 'm', array(1.0f), 'run 1', current_timestamp()),
        ('3.jpg', 'e', 'Apple Braeburn', 12, 22, 'm', array(1.0f), 'run 1', current_timestamp()),
        ('4.jpg', 'e', null, 13, 23, 'm', array(1.0f), 'run 1', current_timestamp())""",
    "components (key, etag, label, pca_version, components)": """
        ('3.jpg', 'e', 'Apple Braeburn', 'v', array(1.0f)), ('1.jpg', 'e', 'Plum', 'v', array(2.0f))""",
    "rejects (key, etag, reason, detail, run_id)": """
        ('5.jpg', 'e', 'empty', 'no bytes', 'run 0'), ('6.jpg', 'e', 'empty', 'no bytes', 'run 1')""",
    "findings (key, label, kind, score, other_key, detail)": """
        ('1.jpg', 'Plum', 'duplicate', 1.0, '2.jpg', ''), ('2.jpg', 'Plum', 'near_duplicate', 0.9, '3.jpg', ''),
        ('4.jpg', null, 'near_duplicate', 0.8, '1.jpg', ''), ('1.jpg', 'Plum', 'label_doubt', 0.6, '3.jpg', ''),
        ('2.jpg', 'Plum', 'label_doubt', 0.9, '3.jpg', ''), ('3.jpg', 'Apple Braeburn', 'dark', 0.5, null, '')""",
}
"""Rows by tables, with the columns in the order of the values."""


@pytest.fixture
def filled(tables: Tables) -> Tables:
    """Return tables with a few rows, which are those that a name without a database means."""
    tables.spark.sql(f"USE {CATALOG}.{tables.database}")
    for table, rows in ROWS.items():
        tables.spark.sql(f"INSERT INTO {table} VALUES {rows}")
    return tables


def test_the_queries_answer_what_their_comments_say(filled: Tables) -> None:
    """The findings are of one kind and begin with the worst; pairs of two varieties precede those of one."""
    found = {text: filled.spark.sql(text).collect() for text in QUERIES_BY_NAME.values()}
    assert [row.key for row in found[MATRIX_BY_LABEL]] == ["3.jpg"]
    assert [row.key for row in found[REJECTS_OF_LAST_RUN]] == ["6.jpg"]
    assert [(row.key, row.score) for row in found[WORST_FINDINGS]] == [("2.jpg", 0.9), ("1.jpg", 0.6)]
    assert tuple(found[WORST_FINDINGS][0].asDict()) == FINDING_COLUMNS
    pairs = [(row.key, row.other_key, row.label, row.other_label, row.other_width) for row in found[DUPLICATES]]
    assert pairs == [
        ("2.jpg", "3.jpg", "Plum", "Apple Braeburn", 12),
        ("4.jpg", "1.jpg", None, "Plum", 10),
        ("1.jpg", "2.jpg", "Plum", "Plum", 11),
    ]
