"""The rebuild of all tables next to the published ones: `reprocess` fills a branch of each table, then switches to it.

Readers see the old rows until the switch. If a run crashes, the next `reprocess` continues with its branches, because
the rows in them are settled. The branch of `features` is created last and dropped last, so that its existence means
that a rebuild is under way.
"""

from contract.tables import Table
from spark_app.tables import Tables

BRANCH = "reprocess"

_ORDER = (Table.FINDINGS, Table.REJECTS, Table.COMPONENTS, Table.FEATURES)


def begin_rebuild(
    tables: Tables, model_id: str, *, needs_measurements: bool = False, needs_thumbnails: bool = False
) -> Tables:
    """Return the tables on their branches: empty, or as an interrupted rebuild with the same model left them.

    Parameters
    ----------
    needs_measurements
        Whether to begin anew if the interrupted rebuild has not measured the images.
    needs_thumbnails
        Whether to begin anew if the interrupted rebuild has made no thumbnails.
    """
    rebuilt = tables.on_branch(BRANCH)
    is_interrupted = (
        tables.iceberg[Table.FEATURES].has_branch(BRANCH)
        and rebuilt.model_id() in {None, model_id}
        and not (needs_measurements and rebuilt.has_unmeasured_images())
        and not (needs_thumbnails and rebuilt.lack_thumbnails())
    )
    for table in _ORDER:
        if not (is_interrupted and tables.iceberg[table].has_branch(BRANCH)):
            tables.iceberg[table].begin_branch(BRANCH)
    return rebuilt


def switch(tables: Tables) -> None:
    """Make the rows of the branches the published ones. Repeating the switch changes nothing."""
    for table in _ORDER:
        tables.iceberg[table].switch_to(BRANCH)


def end_rebuild(tables: Tables) -> None:
    """Remove the branches."""
    existing = tables.existing()
    for table in (name for name in _ORDER if name in existing):
        existing[table].drop_branch(BRANCH)
