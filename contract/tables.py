"""Names of the Iceberg tables, for the pipeline that writes them and for the queries that read them."""

from enum import StrEnum


class Table(StrEnum):
    """Tables of the database."""

    FEATURES = "features"
    COMPONENTS = "components"
    REJECTS = "rejects"
    FINDINGS = "findings"


CONTENT = "fruits.content"
"""Property of a snapshot that a rewrite of files made: id of the first snapshot with the same rows."""
