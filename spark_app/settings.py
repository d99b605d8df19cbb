"""The settings of a run, validated when they are created, and the command-line options that set them.

A setting and its option are defined once, in the field of the setting: `spark_app.arguments` derives the option, its
default value and its help from the field.
"""

import math
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated, Any, get_origin, get_type_hints

from contract.job import CatalogKind, JobOption, OnNewModel
from contract.layout import BASES, CONTROL, FENCE, FOLDER_OF_FILE, IMAGES, INBOX, MODELS, RESULTS, STAGING, TABLES
from contract.runs import Mode, is_run_id
from contract.worker_memory import (
    DEFAULT_MEGABYTES,
    DEFAULT_MEGAPIXELS,
    MAX_MEGABYTES,
    MAX_MEGAPIXELS,
    memory_of_image,
)
from spark_app.errors import SettingsError
from spark_app.local_files import user_path
from spark_app.numerics.components import ComponentCount, RequestedComponents, VarianceShare

FEATURE_COUNT = 1280
"""Number of features per image: the length of MobileNetV2's feature vector."""

OWN_FOLDERS = (BASES, CONTROL, INBOX, MODELS, RESULTS, STAGING, TABLES)
"""Folders of the output that runs write."""

DEFAULT_COMPONENTS = VarianceShare(0.95)

NEIGHBOURS = 10
"""Number of most similar images by which the curation judges a label."""

MOST_BITS = 16
"""Bits in which hashes of different images differ as often as those of near-duplicates."""


class Engine(StrEnum):
    """The library that executes the network on the workers."""

    LITERT = "litert"
    TENSORFLOW = "tensorflow"


class Decoding(StrEnum):
    """How the worker decodes JPEG photos. It is part of the model's identity, because features differ slightly."""

    FULL = "full"
    """All pixels are decoded, and then reduced."""
    SCALED = "scaled"
    """Large photos are decoded at a half, a quarter or an eighth of their sides, several times as fast."""


DEFAULT_DECODING = Decoding.FULL
"""The decoding of new and of reprocessed outputs."""


class DecodingChoice(StrEnum):
    """Values of the option ``--decoding``."""

    AUTO = "auto"
    """The decoding of the output's earlier runs; `DEFAULT_DECODING` for a new output, and for a `reprocess`."""
    FULL = Decoding.FULL.value
    SCALED = Decoding.SCALED.value


def as_url(location: str) -> str:
    """Convert a path to a ``file:`` URL; return a URL without the slash at its end.

    Parameters
    ----------
    location
        Path on this machine, or a URL such as ``s3://bucket/images``, ``gs://bucket/images`` or
        ``az://container/images``.

    Raises
    ------
    UsageError
        If the URL is neither that of a folder nor that of a bucket, or if this machine can't use the path.
    """
    if re.match(r"file:///|(s3|gs|az)://[a-z0-9]", location):
        return location.rstrip("/")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", location):
        raise SettingsError(
            f"{location} is neither a folder nor a bucket such as s3://bucket/images, gs://bucket/images or "
            "az://container/images."
        )
    return user_path(location).resolve().as_uri()


def parse_components(text: str) -> RequestedComponents:
    """Read a number of components, such as ``50``, or a share of the variance, such as ``0.95``.

    Raises
    ------
    SettingsError
        If the text is neither.
    """
    try:
        return VarianceShare(float(text)) if "." in text else ComponentCount(int(text))
    except ValueError:
        raise _wrong_components(text) from None


def _wrong_components(found: object) -> SettingsError:
    return SettingsError(
        f"--components must be a count from 1 to {FEATURE_COUNT}, or a share of the variance between 0 and 1, "
        f"not {found}."
    )


@dataclass(frozen=True)
class Option:
    """The command-line option of a setting, in the annotation of its field."""

    flag: str
    description: str
    """Help text, without the default value."""
    metavar: str | None = None
    parse: Callable[[str], Any] | None = None
    """Converts the text of the option to the value; `None` for the type of the default value."""


def options_of(owner: type) -> dict[str, Option]:
    """Return the options of a class of settings, by the names of their fields."""
    annotations = get_type_hints(owner, include_extras=True).items()
    return {name: hint.__metadata__[0] for name, hint in annotations if get_origin(hint) is Annotated}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The largest images that a worker accepts."""

    megapixels: Annotated[float, Option(MAX_MEGAPIXELS, "larger images are refused", "M")] = DEFAULT_MEGAPIXELS
    """Millions of pixels. The worker checks the limit before it decodes the image."""
    megabytes: Annotated[float, Option(MAX_MEGABYTES, "larger files are refused", "M")] = DEFAULT_MEGABYTES
    """Millions of bytes. The worker checks the limit before it fetches the file."""

    def __post_init__(self) -> None:
        if self.megapixels <= 0 or self.megabytes <= 0:
            raise SettingsError("--max-megapixels and --max-megabytes must be above 0.")

    @property
    def memory(self) -> int:
        """Number of bytes that an image and its file may take while the worker decodes the image."""
        return memory_of_image(self.megapixels, self.megabytes)


class FindingsChoice(StrEnum):
    """Values of the option ``--findings``."""

    ALL = "all"
    """Every image is measured, and all kinds of findings are looked for."""
    NONE = "none"
    """No image is measured, and there are no findings."""


_SHARES = {
    "near_duplicate_cosine",
    "outlier_confidence",
    "bright_above",
    "max_duplicate_share",
    "max_outlier_share",
    "max_label_doubt_share",
    "max_bad_picture_share",
}
"""Settings of `CurationSettings` that are from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class CurationSettings:
    """What counts as a finding, and how many findings are too many."""

    findings: Annotated[
        FindingsChoice, Option("--findings", "whether to look for duplicates, outliers, wrong labels and bad pictures")
    ] = FindingsChoice.ALL
    near_duplicate_bits: Annotated[
        int, Option("--near-duplicate-bits", "most bits of 64 in which the hashes of near-duplicates differ", "N")
    ] = 8
    near_duplicate_cosine: Annotated[
        float, Option("--near-duplicate-cosine", "least cosine of the features of near-duplicates", "R")
    ] = 0.9
    outlier_confidence: Annotated[
        float, Option("--outlier-confidence", "confidence of the limits of outliers", "R")
    ] = 0.999
    label_outlier_ratio: Annotated[
        float,
        Option("--label-outlier-ratio", "distance of a label's outliers, in usual distances from its centre", "R"),
    ] = 1.5
    label_doubt_neighbours: Annotated[
        int, Option("--label-doubt-neighbours", "least images among the 10 most similar that have another label", "N")
    ] = 6
    dark_below: Annotated[float, Option("--dark-below", "brightness that 99 % of a dark image do not reach", "R")] = (
        0.32
    )
    bright_above: Annotated[float, Option("--bright-above", "brightness that 95 % of a bright image exceed", "R")] = (
        0.95
    )
    blurry_below: Annotated[
        float, Option("--blurry-below", "sharpness of blurry images, relative to their contrast", "R")
    ] = 0.03
    low_information_below: Annotated[
        float, Option("--low-information-below", "bits of entropy of images that show hardly anything", "R")
    ] = 3.0
    odd_size_factor: Annotated[
        float, Option("--odd-size-factor", "interquartile ranges between usual and odd sizes", "R")
    ] = 3.0
    odd_aspect_below: Annotated[
        float, Option("--odd-aspect-below", "short side of oblong images, divided by the long side", "R")
    ] = 0.35
    max_compared_images: Annotated[
        int,
        Option("--max-compared-images", "images up to which a run compares each with each to doubt labels", "N"),
    ] = 500_000
    """An update that compares fewer pairs than these is not limited."""
    max_duplicate_share: Annotated[
        float, Option("--max-duplicate-share", "share of duplicates and near-duplicates above which a run warns", "R")
    ] = 1.0
    max_outlier_share: Annotated[
        float, Option("--max-outlier-share", "share of outliers above which a run warns", "R")
    ] = 1.0
    max_label_doubt_share: Annotated[
        float, Option("--max-label-doubt-share", "share of doubtful labels above which a run warns", "R")
    ] = 1.0
    max_bad_picture_share: Annotated[
        float, Option("--max-bad-picture-share", "share of bad pictures above which a run warns", "R")
    ] = 1.0

    def __post_init__(self) -> None:
        for name, option in options_of(type(self)).items():
            value, most = getattr(self, name), 1.0 if name in _SHARES else math.inf
            if isinstance(value, float) and not (0 <= value <= most and math.isfinite(value)):
                expected = "between 0 and 1" if name in _SHARES else "0 or more"
                raise SettingsError(f"{option.flag} must be {expected}, not {value:g}.")
        if self.outlier_confidence in {0, 1}:
            raise SettingsError("--outlier-confidence must be above 0 and below 1.")
        if not 0 <= self.near_duplicate_bits <= MOST_BITS:
            raise SettingsError(f"--near-duplicate-bits must be from 0 to {MOST_BITS}, not {self.near_duplicate_bits}.")
        if self.max_compared_images < 0:
            raise SettingsError(f"--max-compared-images must be 0 or more, not {self.max_compared_images}.")
        if not 1 <= self.label_doubt_neighbours <= NEIGHBOURS:
            raise SettingsError(
                f"--label-doubt-neighbours must be from 1 to {NEIGHBOURS}, not {self.label_doubt_neighbours}."
            )

    @property
    def is_on(self) -> bool:
        """Whether the run measures the images and looks for findings."""
        return self.findings is FindingsChoice.ALL


class ThumbnailsChoice(StrEnum):
    """Values of the option ``--thumbnails``."""

    SAMPLE = "sample"
    """The images that the explorer shows have thumbnails."""
    NONE = "none"
    """The run makes no thumbnails, and shows none."""


@dataclass(frozen=True, kw_only=True)
class CatalogSettings:
    """The catalog and the database in which the tables are registered."""

    kind: Annotated[str, Option(JobOption.CATALOG, "catalog of the tables: hadoop (a folder) or glue", parse=str)] = (
        CatalogKind.HADOOP
    )
    database: Annotated[str, Option(JobOption.DATABASE, "database of the tables")] = "fruits"

    def __post_init__(self) -> None:
        if self.kind not in list(CatalogKind):
            raise SettingsError(f"--catalog must be hadoop or glue, not {self.kind!r}.")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.database):
            raise SettingsError(
                f"--database must be lower-case letters, digits and underscores, not {self.database!r}."
            )
        if self.database == TABLES.rstrip("/"):
            raise SettingsError(f"--database can't be {self.database!r}, the name of the folder of all tables.")


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The settings of one run.

    Attributes
    ----------
    images, output
        URLs of the folder of images and of the root of the results; `images` may be empty in `Mode.MAINTAIN`.
    notices
        Sentences for the notes of the summary and of the report.
    """

    images: str
    output: str
    mode: Annotated[Mode, Option(JobOption.MODE, "which images to work on")] = Mode.RECONCILE
    weights: Annotated[
        str,
        Option(
            JobOption.WEIGHTS,
            "imagenet, seeded (untrained), an .h5 or .keras file, or the folder of an exported model",
        ),
    ] = "imagenet"
    engine: Annotated[Engine, Option("--engine", "what runs the network")] = Engine.LITERT
    decoding: Annotated[
        DecodingChoice, Option("--decoding", "how JPEG photos are decoded: auto keeps to what the output was made with")
    ] = DecodingChoice.AUTO
    components: Annotated[
        RequestedComponents,
        Option("--components", "a count, or a share of the variance", "N", parse_components),
    ] = DEFAULT_COMPONENTS
    standardize: Annotated[
        bool, Option("--standardize", "divide each feature by its standard deviation before the PCA")
    ] = False
    refit_threshold: Annotated[
        float,
        Option("--refit-threshold", "least share of the best possible variance at which the basis is kept", "R"),
    ] = 0.99
    """With 1, every change of the features causes a refit."""
    retention_days: Annotated[
        float, Option(JobOption.RETENTION_DAYS, "age below which maintain keeps old snapshots and files", "D")
    ] = 7.0
    chunk_size: Annotated[int, Option("--chunk-size", "images between two commits", "N")] = 50_000
    """A crash loses the work of at most one chunk."""
    max_reject_rate: Annotated[float, Option("--max-reject-rate", "refused share that fails the run", "R")] = 0.5
    label_level: Annotated[
        int, Option("--label-level", "folder that gives the label: 1 below --images, 2 below that, -1 the file's", "N")
    ] = FOLDER_OF_FILE
    """See `contract.layout.label_of`."""
    limits: Limits = Limits()
    curation: CurationSettings = CurationSettings()
    thumbnails: Annotated[
        ThumbnailsChoice, Option("--thumbnails", "whether to make thumbnails of the images that the explorer may show")
    ] = ThumbnailsChoice.SAMPLE
    catalog: CatalogSettings = CatalogSettings()
    use_existing_folder: Annotated[
        bool, Option("--use-existing-folder", "write to an output folder that contains other files, too")
    ] = False
    run_id: Annotated[
        str | None, Option(JobOption.RUN_ID, "name of the run, such as 20261120T121530Z-3fa94c", parse=str)
    ] = None
    on_new_model: Annotated[OnNewModel, Option(JobOption.ON_NEW_MODEL, "what to do with tables of another model")] = (
        OnNewModel.FAIL
    )
    no_progress_minutes: Annotated[
        float,
        Option(JobOption.NO_PROGRESS_MINUTES, "minutes without progress after which the run fails, 0 for never", "N"),
    ] = 0.0
    fenced: Annotated[bool, Option(JobOption.FENCED, f"write only as long as {FENCE} names this run")] = False
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._check_places()
        self._check_job()
        if isinstance(self.components, ComponentCount) and self.components.count > FEATURE_COUNT:
            raise _wrong_components(self.components.count)
        if self.chunk_size < 1:
            raise SettingsError(f"--chunk-size must be at least 1, not {self.chunk_size}.")
        if self.label_level == 0:
            raise SettingsError("--label-level must be 1 or more, or -1 or less: 0 is no folder.")
        if not 0 <= self.refit_threshold <= 1:
            raise SettingsError(f"--refit-threshold must be between 0 and 1, not {self.refit_threshold:g}.")
        if self.retention_days < 0:
            raise SettingsError(f"--retention-days must be 0 or more, not {self.retention_days:g}.")
        if not 0 < self.max_reject_rate <= 1:
            raise SettingsError(f"--max-reject-rate must be above 0 and at most 1, not {self.max_reject_rate:g}.")

    def _check_job(self) -> None:
        if self.run_id is not None and not is_run_id(self.run_id):
            raise SettingsError(f"--run-id must be such as 20261120T121530Z-3fa94c, not {self.run_id!r}.")
        if self.fenced and self.run_id is None:
            raise SettingsError("--fenced needs --run-id: the fence names the run that may write.")
        if self.no_progress_minutes < 0:
            raise SettingsError(f"--no-progress-minutes must be 0 or more, not {self.no_progress_minutes:g}.")

    def _check_places(self) -> None:
        if not self.images and self.mode is not Mode.MAINTAIN:
            raise SettingsError(f"--images is missing: --mode {self.mode} needs to know where the images are.")
        if self.images and f"{self.output}/".startswith(f"{self.images}/"):
            raise SettingsError("--output must not lie in --images: its files would be taken for images.")
        if any(f"{self.images}/".startswith(f"{self.output}/{folder}") for folder in OWN_FOLDERS):
            raise SettingsError("--images must not lie in a folder that the pipeline writes to in --output.")

    @property
    def is_environment(self) -> bool:
        """Whether the images are in the folder ``images/`` of the output, as in the cloud.

        An environment may have no images: it begins empty, and its users may remove everything. Elsewhere, a folder
        without images is more likely a mistake in `images`.
        """
        return self.images == f"{self.output}/{IMAGES.rstrip('/')}"

    def to_document(self) -> dict[str, Any]:
        """Return the settings as ``summary.json`` contains them."""
        document = asdict(self) | {"components": self.components.number}
        del document["notices"], document["run_id"]
        return document
