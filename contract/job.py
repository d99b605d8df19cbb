"""Agreements about a job: the options that it gets from the state machine, the fence, and the report of its failure."""

from dataclasses import dataclass
from enum import StrEnum

from contract.documents import Document
from contract.names import check_run_id

IMAGES_PER_TASK = 256
"""Images of a task of Spark: enough to hide the start of the task, and few enough to show progress and to lose little
if a worker dies."""

MISTAKE = 2
"""Exit code of a job that fails because of its settings or its input: another attempt would fail, too."""


class JobOption(StrEnum):
    """Options of the application that the stack or the state machine sets; `pipeline_options` may set the others."""

    MODE = "--mode"
    RUN_ID = "--run-id"
    IMAGES = "--images"
    OUTPUT = "--output"
    WEIGHTS = "--weights"
    CATALOG = "--catalog"
    DATABASE = "--database"
    RETENTION_DAYS = "--retention-days"
    FENCED = "--fenced"
    """The run writes only as long as `contract.layout.FENCE` names it."""
    ON_NEW_MODEL = "--on-new-model"
    NO_PROGRESS_MINUTES = "--no-progress-minutes"


class CatalogKind(StrEnum):
    """Values of `JobOption.CATALOG`."""

    HADOOP = "hadoop"
    """A folder."""
    GLUE = "glue"
    """The AWS Glue Data Catalog."""


class OnNewModel(StrEnum):
    """Values of `JobOption.ON_NEW_MODEL`: what a run does that finds tables of another model."""

    FAIL = "fail"
    REPROCESS = "reprocess"
    """The run computes all images again, as `contract.runs.Mode.REPROCESS`."""


@dataclass(frozen=True, kw_only=True)
class Fence(Document):
    """Content of `contract.layout.FENCE`, a JSON object which the state machine writes before it starts a job.

    The execution that took the lease last names its run here. A run that finds another name stops before it writes, so
    that an execution which has lost its lease without noticing does no harm.
    """

    run_id: str

    def __post_init__(self) -> None:
        check_run_id(self.run_id, "run_id")


@dataclass(frozen=True, kw_only=True)
class JobFailure(Document):
    """How a job has failed, ``results/<run_id>/failure.json``. The job writes it before it exits, if it still can.

    Attributes
    ----------
    exit_code
        Exit code of the job.
    reason
        What has happened, in one or a few sentences for the operator.
    """

    run_id: str
    exit_code: int
    reason: str

    def __post_init__(self) -> None:
        check_run_id(self.run_id, "run_id")

    @property
    def is_final(self) -> bool:
        """Whether another attempt would fail, too."""
        return self.exit_code == MISTAKE
