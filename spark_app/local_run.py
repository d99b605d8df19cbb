"""A run on this machine. It starts Spark only if something has changed since the last complete run."""

from collections.abc import Mapping
from pathlib import Path

from contract.summary import Summary
from spark_app.begin import begun_run
from spark_app.engine.weights import find_weights
from spark_app.progress import Reporter
from spark_app.run import Run
from spark_app.settings import RunSettings
from spark_app.stages.unchanged import Comparison, find_changes, last_state


def run_if_changed(
    settings: RunSettings, reporter: Reporter, session_conf: Mapping[str, str], log: Path | None = None
) -> Summary:
    """Process the images, as `spark_app.pipeline.run` does, or return the summary of the last run if nothing is new.

    Parameters
    ----------
    session_conf, log
        As of `spark_app.pipeline.run`.

    Raises
    ------
    FruitsError
        If the run fails. The last complete results do not change.
    """
    with begun_run(settings, reporter) as this:
        found = _compare(this)
        if found and found.last:
            for note in found.last.notes:
                reporter.note(note)
            return found.last
        from spark_app.pipeline import process  # loads Spark, which takes longer than all of the above

        return process(this, session_conf, log, found.listing if found else None)


def _compare(this: Run) -> Comparison | None:
    state = last_state(this)
    if state is None:
        return None
    with this.clock.step("compare") as step:
        found = find_changes(this, state, find_weights(this.settings.weights))
        step.tell(found.outcome)
    return found
