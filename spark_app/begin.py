"""The beginning of every run: its places are checked, and its output is locked, before anything is read or written."""

from collections.abc import Iterator
from contextlib import contextmanager

from contract.runs import Mode
from spark_app.output import check_places, owned_output
from spark_app.progress import Reporter
from spark_app.run import Run
from spark_app.settings import RunSettings
from spark_app.stages.listing import check_input


@contextmanager
def begun_run(settings: RunSettings, reporter: Reporter) -> Iterator[Run]:
    """Check the places of a run, and own its output during the body.

    Raises
    ------
    FruitsError
        If a place can't be used, or if another run owns the output.
    """
    this = Run(settings, reporter)
    check_places(settings)
    if settings.mode is not Mode.MAINTAIN:
        check_input(this)
    with owned_output(this):
        this.check_fence()
        yield this
