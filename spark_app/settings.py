"""What a run is asked to do: validated once, here, and read-only ever after."""

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from contract.layout import IMAGES
from contract.runs import Mode, is_run_id
from spark_app.errors import SettingsError

FEATURES = 1280
"""Length of MobileNetV2's feature vector."""


class Engine(StrEnum):
    """What executes the network on the workers."""

    ONNX = "onnx"
    TENSORFLOW = "tensorflow"


def as_url(location: str) -> str:
    """Make a URL of a path; leave URLs as they are, without the slash at their end.

    Parameters
    ----------
    location
        A path of this machine, or a URL such as ``s3://bucket/images``.
    """
    if re.match(r"[a-z][a-z0-9+.-]*://", location):
        return location.rstrip("/")
    return Path(location).expanduser().resolve().as_uri()


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an image may cost a worker.

    Attributes
    ----------
    megapixels
        Images with more pixels than this many million are refused before they are decoded.
    megabytes
        Files of more than this many million bytes are refused before they are fetched.
    """

    megapixels: float = 100.0
    megabytes: float = 100.0

    def __post_init__(self) -> None:
        if self.megapixels <= 0 or self.megabytes <= 0:
            raise SettingsError("--max-megapixels and --max-megabytes must be above 0.")


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """Where the tables are registered.

    Attributes
    ----------
    kind
        ``hadoop`` (a folder) or ``glue`` (the AWS Glue Data Catalog).
    database
        Name of the database (Iceberg: namespace).
    """

    kind: str = "hadoop"
    database: str = "fruits"

    def __post_init__(self) -> None:
        if self.kind not in {"hadoop", "glue"}:
            raise SettingsError(f"--catalog must be hadoop or glue, not {self.kind!r}.")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.database):
            raise SettingsError(
                f"--database must be lower-case letters, digits and underscores, not {self.database!r}."
            )


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Everything that decides what a run does.

    Attributes
    ----------
    images, output
        URLs of the folder of images and of the root of the results; `maintain` needs no images.
    mode
        How the run finds out which images to work on.
    weights
        ``imagenet``, ``seeded``, the path of an ``.h5`` or ``.keras`` file, or of the folder of an exported model.
    engine
        What executes the network.
    components
        An integer: so many principal components. A fraction below 1: as many as keep this share of the
        variance.
    standardize
        Whether each feature is divided by its standard deviation before the PCA.
    refit_threshold
        The basis in force is kept while it captures this share of what the best of its size would. With 1, every
        change of the features makes another.
    retention_days
        What `maintain` may leave of rows that are gone, at most so long.
    batch_size
        Images per call of the network.
    chunk_size
        Images between two commits: what a crash can lose.
    max_reject_rate
        Share of refused images above which the run fails.
    run_id
        Name of the run, if whoever starts it wants to know it beforehand.
    notices
        Sentences to carry into the summary and the report.
    """

    images: str
    output: str
    mode: Mode = Mode.RECONCILE
    weights: str = "imagenet"
    engine: Engine = Engine.ONNX
    components: float = 0.95
    standardize: bool = False
    refit_threshold: float = 0.99
    retention_days: float = 7.0
    batch_size: int = 8
    chunk_size: int = 50_000
    max_reject_rate: float = 0.5
    limits: Limits = Limits()
    catalog: Catalog = Catalog()
    run_id: str | None = None
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.images and self.mode is not Mode.MAINTAIN:
            raise SettingsError(f"--images is missing: --mode {self.mode} needs to know where the images are.")
        if self.images and f"{self.output}/".startswith(f"{self.images}/"):
            raise SettingsError("--output must not lie in --images: its files would be taken for images.")
        _check_components(self.components)
        if self.batch_size < 1:
            raise SettingsError(f"--batch-size must be at least 1, not {self.batch_size}.")
        if self.chunk_size < 1:
            raise SettingsError(f"--chunk-size must be at least 1, not {self.chunk_size}.")
        if not 0 <= self.refit_threshold <= 1:
            raise SettingsError(f"--refit-threshold must be between 0 and 1, not {self.refit_threshold:g}.")
        if self.retention_days < 0:
            raise SettingsError(f"--retention-days must not be negative, and is {self.retention_days:g}.")
        if self.run_id is not None and not is_run_id(self.run_id):
            raise SettingsError(f"--run-id must be such as 20261120T121530Z-3fa94c, not {self.run_id!r}.")
        if not 0 < self.max_reject_rate <= 1:
            raise SettingsError(f"--max-reject-rate must be above 0 and at most 1, not {self.max_reject_rate:g}.")

    @property
    def is_of_an_environment(self) -> bool:
        """Whether the images have their place below the output, as in the cloud: nobody can have named a wrong folder.

        Then there may be nothing to do: an environment begins empty, and may become so again.
        """
        return self.images == f"{self.output}/{IMAGES.rstrip('/')}"

    def to_document(self) -> dict[str, Any]:
        """Return the settings as they stand in ``summary.json``."""
        document = asdict(self)
        del document["notices"], document["run_id"]
        return document


def _check_components(components: float) -> None:
    is_fraction = 0 < components < 1
    is_count = isinstance(components, int) and 1 <= components <= FEATURES
    if not (is_fraction or is_count):
        raise SettingsError(
            f"--components must be a count from 1 to {FEATURES}, or a fraction of the variance between 0 and 1, "
            f"not {components:g}."
        )
