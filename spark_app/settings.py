"""The settings of a run, validated when they are created, and the command-line options that set them.

Each setting that has an option is described once, in the metadata of its field: `spark_app.main` makes the options,
their defaults and their help of it.
"""

import re
from collections.abc import Callable
from dataclasses import Field, asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from contract.job import CatalogKind, JobOption
from contract.layout import IMAGES
from contract.runs import Mode, is_run_id
from spark_app.errors import SettingsError
from spark_app.numerics.components import ComponentCount, RequestedComponents, VarianceShare

FEATURE_COUNT = 1280
"""Number of features per image: the length of MobileNetV2's feature vector."""


class Engine(StrEnum):
    """The library that executes the network on the workers."""

    ONNX = "onnx"
    TENSORFLOW = "tensorflow"


def as_url(location: str) -> str:
    """Convert a path to a ``file:`` URL; return a URL without the slash at its end.

    Parameters
    ----------
    location
        Path on this machine, or a URL such as ``s3://bucket/images``.
    """
    if re.match(r"[a-z][a-z0-9+.-]*://", location):
        return location.rstrip("/")
    return Path(location).expanduser().resolve().as_uri()


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
    """The command-line option of a setting."""

    flag: str
    parse: Callable[[str], Any]
    """Converts the text of the option to the value; `bool` for a flag without a value."""
    description: str
    """Help text, without the default value."""
    metavar: str | None


def option_of(setting: Field[Any]) -> Option | None:
    """Return the option of a field of the settings; `None` if it has no option."""
    return setting.metadata.get("option")


def _option(flag: str, parse: Callable[[str], Any], description: str, metavar: str | None = None) -> dict[str, Option]:
    return {"option": Option(flag, parse, description, metavar)}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The largest images that a worker accepts."""

    megapixels: float = field(
        default=100.0, metadata=_option("--max-megapixels", float, "larger images are refused", "M")
    )
    """Millions of pixels. The worker checks the limit before it decodes the image."""
    megabytes: float = field(default=100.0, metadata=_option("--max-megabytes", float, "larger files are refused", "M"))
    """Millions of bytes. The worker checks the limit before it fetches the file."""

    def __post_init__(self) -> None:
        if self.megapixels <= 0 or self.megabytes <= 0:
            raise SettingsError("--max-megapixels and --max-megabytes must be above 0.")


@dataclass(frozen=True, kw_only=True)
class CatalogSettings:
    """The catalog and the database in which the tables are registered."""

    kind: str = field(
        default=CatalogKind.HADOOP,
        metadata=_option(JobOption.CATALOG, str, "catalog of the tables: hadoop (a folder) or glue"),
    )
    database: str = field(default="fruits", metadata=_option(JobOption.DATABASE, str, "database of the tables"))

    def __post_init__(self) -> None:
        if self.kind not in list(CatalogKind):
            raise SettingsError(f"--catalog must be hadoop or glue, not {self.kind!r}.")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.database):
            raise SettingsError(
                f"--database must be lower-case letters, digits and underscores, not {self.database!r}."
            )


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
    mode: Mode = field(default=Mode.RECONCILE, metadata=_option(JobOption.MODE, Mode, "which images to work on"))
    weights: str = field(
        default="imagenet",
        metadata=_option(
            JobOption.WEIGHTS,
            str,
            "imagenet, seeded (untrained), an .h5 or .keras file, or the folder of an exported model",
        ),
    )
    engine: Engine = field(default=Engine.ONNX, metadata=_option("--engine", Engine, "what runs the network"))
    components: RequestedComponents = field(
        default=VarianceShare(0.95),
        metadata=_option("--components", parse_components, "a count, or a share of the variance", "N"),
    )
    standardize: bool = field(
        default=False,
        metadata=_option("--standardize", bool, "divide each feature by its standard deviation before the PCA"),
    )
    refit_threshold: float = field(
        default=0.99,
        metadata=_option(
            "--refit-threshold", float, "least share of the best possible variance at which the basis is kept", "R"
        ),
    )
    """With 1, every change of the features causes a refit."""
    retention_days: float = field(
        default=7.0,
        metadata=_option(
            JobOption.RETENTION_DAYS, float, "age below which maintain keeps old snapshots and files", "D"
        ),
    )
    batch_size: int = field(default=8, metadata=_option("--batch-size", int, "images per call of the network", "N"))
    chunk_size: int = field(default=50_000, metadata=_option("--chunk-size", int, "images between two commits", "N"))
    """A crash loses the work of at most one chunk."""
    max_reject_rate: float = field(
        default=0.5, metadata=_option("--max-reject-rate", float, "refused share that fails the run", "R")
    )
    limits: Limits = Limits()
    catalog: CatalogSettings = CatalogSettings()
    run_id: str | None = field(
        default=None, metadata=_option(JobOption.RUN_ID, str, "name of the run, such as 20261120T121530Z-3fa94c")
    )
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.images and self.mode is not Mode.MAINTAIN:
            raise SettingsError(f"--images is missing: --mode {self.mode} needs to know where the images are.")
        if self.images and f"{self.output}/".startswith(f"{self.images}/"):
            raise SettingsError("--output must not lie in --images: its files would be taken for images.")
        if isinstance(self.components, ComponentCount) and self.components.count > FEATURE_COUNT:
            raise _wrong_components(self.components.count)
        if self.batch_size < 1:
            raise SettingsError(f"--batch-size must be at least 1, not {self.batch_size}.")
        if self.chunk_size < 1:
            raise SettingsError(f"--chunk-size must be at least 1, not {self.chunk_size}.")
        if not 0 <= self.refit_threshold <= 1:
            raise SettingsError(f"--refit-threshold must be between 0 and 1, not {self.refit_threshold:g}.")
        if self.retention_days < 0:
            raise SettingsError(f"--retention-days must be 0 or more, not {self.retention_days:g}.")
        if self.run_id is not None and not is_run_id(self.run_id):
            raise SettingsError(f"--run-id must be such as 20261120T121530Z-3fa94c, not {self.run_id!r}.")
        if not 0 < self.max_reject_rate <= 1:
            raise SettingsError(f"--max-reject-rate must be above 0 and at most 1, not {self.max_reject_rate:g}.")

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
