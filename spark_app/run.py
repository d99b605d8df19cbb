"""What the steps of one run share: its settings, what it found, and what it changed."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from pyspark.sql import DataFrame

from contract.layout import results_folder, staging_folder
from contract.runs import new_run_id
from contract.summary import Snapshots, Summary
from spark_app.progress import Reporter, StepClock
from spark_app.settings import RunSettings
from spark_app.stages.outcomes import Tally
from spark_app.stages.results import LastRun
from spark_app.storage import Storage
from spark_app.tables import Tables


@dataclass(frozen=True)
class Run:
    """One run."""

    settings: RunSettings
    reporter: Reporter
    clock: StepClock
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def run_id(self) -> str:
        """The id that whoever started the run has given it, or one of its own."""
        return self.settings.run_id or new_run_id()

    @property
    def root(self) -> Storage:
        """The root of the environment."""
        return Storage(self.settings.output)

    @property
    def images(self) -> Storage:
        """The folder of images."""
        return Storage(self.settings.images)

    @property
    def staging(self) -> str:
        """Folder of what is computed and not yet committed."""
        return staging_folder(self.run_id)

    @property
    def results(self) -> str:
        """Folder of what the run publishes."""
        return results_folder(self.run_id)


@dataclass(frozen=True)
class Start:
    """What a run has found, and works on.

    Attributes
    ----------
    tables
        To work on.
    contents
        Of the tables, before the run changes anything.
    snapshot
        Of `features`, to read again what the run replaces; None if there is none.
    in_force
        The last complete run, whose basis is in force; None if there is none, or none is to be.
    last
        The same run, if the tables hold just what it left: then its results are brought up to date with what
        changes. Else they are made anew from the tables.
    """

    tables: Tables
    contents: Snapshots
    snapshot: int | None
    in_force: Summary | None
    last: LastRun | None


@dataclass(frozen=True)
class Change:
    """What featurising has changed in the tables.

    Attributes
    ----------
    tally
        How many images of each kind.
    outcomes
        What became of each, staged; None if nothing was to be done.
    stale_keys
        Keys of which the row of `features` was replaced or removed; None if they are many.
    """

    tally: Tally
    outcomes: DataFrame | None
    stale_keys: list[str] | None

    @property
    def touches_features(self) -> bool:
        """Whether a row of `features` has come or gone."""
        return self.tally.featurised + self.tally.stale_features > 0

    @property
    def touches_rejects(self) -> bool:
        """Whether a row of `rejects` has come or gone."""
        return self.tally.rejected + self.tally.stale_rejects > 0
