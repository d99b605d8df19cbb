"""A new state beside the old one: a branch of each table that `reprocess` fills, and then makes the main one.

Readers see the old rows until the switch. A branch that a crash has left is filled on by the next `reprocess`: what
it holds is settled. The branch of `features` is begun last and dropped last; where it is, a rebuilding is under way.
"""

from spark_app.tables import Tables

BRANCH = "reprocess"

_ORDER = ("rejects", "components", "features")


def begin_rebuild(tables: Tables, model_id: str) -> Tables:
    """Return the tables as they are beside: empty, or as far as an interrupted rebuilding with this model came."""
    beside = tables.on_branch(BRANCH)
    under_way = tables.iceberg["features"].has_branch(BRANCH) and beside.model_id() in {None, model_id}
    for name in _ORDER:
        if not (under_way and tables.iceberg[name].has_branch(BRANCH)):
            tables.iceberg[name].begin_branch(BRANCH)
    return beside


def switch(tables: Tables) -> None:
    """Make the new state the one that everybody reads. Repeating it changes nothing."""
    for name in _ORDER:
        tables.iceberg[name].switch_to(BRANCH)


def end_rebuild(tables: Tables) -> None:
    """Remove the branches."""
    for name in _ORDER:
        tables.iceberg[name].drop_branch(BRANCH)
