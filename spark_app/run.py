"""The context that all steps of a run share: settings, reporter, clock, and the folders of the run."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from contract.layout import results_folder, staging_folder
from contract.runs import new_run_id
from spark_app.progress import Reporter, StepClock
from spark_app.settings import RunSettings
from spark_app.storage import Storage


@dataclass(frozen=True)
class Run:
    """One run."""

    settings: RunSettings
    reporter: Reporter
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    notes: list[str] = field(default_factory=list)
    """Sentences that the steps add for the reader of the results, such as what was damaged and made anew."""

    @cached_property
    def clock(self) -> StepClock:
        """The clock of the steps of this run."""
        return StepClock(self.reporter)

    @cached_property
    def run_id(self) -> str:
        """The run id of the settings, or a new one."""
        return self.settings.run_id or new_run_id()

    @property
    def root(self) -> Storage:
        """The root of the environment."""
        return Storage(self.settings.output)

    @property
    def images(self) -> Storage:
        """The folder of the images."""
        return Storage(self.settings.images)

    @property
    def staging(self) -> str:
        """Folder of what this run has computed but not committed yet."""
        return staging_folder(self.run_id)

    @property
    def results(self) -> str:
        """Folder of the results of this run."""
        return results_folder(self.run_id)
