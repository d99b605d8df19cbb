"""The context that all steps of a run share: settings, reporter, clock, and the folders of the run."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from contract.layout import results_folder, staging_folder
from contract.runs import Mode, new_run_id
from spark_app.fence import check_fence
from spark_app.progress import Reporter, StepClock
from spark_app.settings import RunSettings
from spark_app.storage import Storage

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spark_app.tables import Tables


@dataclass(frozen=True)
class Run:
    """One run."""

    settings: RunSettings
    reporter: Reporter
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    notes: list[str] = field(default_factory=list)
    """Sentences that the steps add for the reader of the results, such as what was damaged and made anew."""
    guards: list[Callable[[], None]] = field(default_factory=list)
    """Checks, beside that of the fence, that this run may still change what others see."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds of each completed step, in the order of the steps."""

    @cached_property
    def clock(self) -> StepClock:
        """The clock of the steps of this run."""
        return StepClock(self.reporter, self.timings)

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

    def in_mode(self, mode: Mode) -> "Run":
        """Return the same run, which goes on in another mode."""
        return replace(self, settings=replace(self.settings, mode=mode, run_id=self.run_id))

    def check_fence(self) -> None:
        """Check that this run may still change what others see, if the settings or the output want this check.

        Raises
        ------
        FencedOffError
            If the fence does not name this run, or if another run has taken its lease.
        StorageError
            If the storage fails.
        """
        if self.settings.fenced:
            check_fence(self.root, self.run_id)
        for guard in self.guards:
            guard()

    def tables(self, spark: "SparkSession") -> "Tables":
        """Return the tables of the environment, which check the fence before each commit."""
        from spark_app.tables import Tables  # a run that finds nothing new does not load Spark

        return Tables(spark, self.settings.catalog.database, before_commit=self.check_fence)

    @property
    def staging(self) -> str:
        """Folder of what this run has computed but not committed yet."""
        return staging_folder(self.run_id)

    @property
    def results(self) -> str:
        """Folder of the results of this run."""
        return results_folder(self.run_id)
