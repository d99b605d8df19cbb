"""What changes with the number of images: the table of the review."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil

from cdk.costs.arithmetic import PROD, daily_runs, first_run, job, reprocess, stored, update
from cdk.costs.assumptions import ASSUMED, HOURS_PER_MONTH, PHOTO, SMALL, ImageKind
from handover.templates import Language, filters
from spark_app.explorer.sample import POINTS
from spark_app.settings import FEATURE_COUNT
from spark_app.stages.matrix import ROWS_PER_FILE

SIZES = (1_000_000, 10_000_000, 100_000_000)
"""Numbers of images that the table compares."""

NARROW_BYTES = 200
"""Bytes of an image in the driver, which reads narrow columns of all images. Measured: docs/findings.md."""

GIGABYTE = 1e9

VCPU_WATTS, DISK_WATTS_PER_TB, COPIES, OVERHEAD = 3.5, 0.65, 3, 1.135
"""Power of a busy vCPU, of a terabyte on hard disks, its copies in S3, and the factor of the data centre (PUE).

These are the coefficients of Cloud Carbon Footprint for AWS (https://www.cloudcarbonfootprint.org/docs/methodology/).
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table.

    Attributes
    ----------
    english, french
        What the row is about.
    of
        Function of the number of images, which returns the value of a cell.
    format
        Name of a filter of `handover.templates`, and the digits after the decimal point.
    """

    english: str
    french: str
    of: Callable[[int], float]
    format: tuple[str, int] = ("number", 0)

    def name(self, language: Language) -> str:
        """Return the first cell of the row."""
        return self.english if language is Language.ENGLISH else self.french


def driver_gb(images: int) -> float:
    """Return the gigabytes (1e9 bytes) that the narrow columns of the images take in the driver."""
    return images * NARROW_BYTES / GIGABYTE


def images_that_fit() -> int:
    """Return the number of images whose narrow columns fill the half of the driver of prod that is left to Python."""
    return int(PROD.capacity.driver.memory_gb / 2 * 2**30 / NARROW_BYTES)


def computing_kwh(images: int, kind: ImageKind) -> float:
    """Return the energy of the executors' work on some images, if their vCPUs are busy all the time."""
    return images * kind.core_s / ASSUMED.vcpu / 3600 * VCPU_WATTS * OVERHEAD / 1000


def storage_kwh(images: int, kind: ImageKind) -> float:
    """Return the energy of a year of storage of some images."""
    return images * kind.size / 1e12 * COPIES * DISK_WATTS_PER_TB * HOURS_PER_MONTH * 12 * OVERHEAD / 1000


ROWS = (
    Row(
        english="first run, small images, with the upload",
        french="première exécution, petites images, envoi compris",
        of=lambda n: first_run(n, SMALL),
        format=("dollars", 0),
    ),
    Row(
        english="… minutes of its job",
        french="… minutes du job",
        of=lambda n: job(n, SMALL.core_s, n).hours * 60,
    ),
    Row(
        english="first run, photos of 12 megapixels, with the upload",
        french="première exécution, photos de 12 mégapixels, envoi compris",
        of=lambda n: first_run(n, PHOTO),
        format=("dollars", 0),
    ),
    Row(
        english="… minutes of its job",
        french="… minutes du job",
        of=lambda n: job(n, PHOTO.core_s, n).hours * 60,
    ),
    Row(
        english="reprocess, small images",
        french="tout recalculer, petites images",
        of=lambda n: reprocess(n, SMALL),
        format=("dollars", 0),
    ),
    Row(
        english="update of 100 images",
        french="mise à jour de 100 images",
        of=lambda n: update(SMALL, min(n, ASSUMED.near_rows)),
        format=("dollars", 3),
    ),
    Row(
        english="update of 100 images that refits the basis",
        french="mise à jour de 100 images qui recalcule la base",
        of=lambda n: update(SMALL, n),
        format=("dollars", 2),
    ),
    Row(
        english="a month of daily runs",
        french="un mois d’exécutions quotidiennes",
        of=lambda n: 30 * daily_runs(n),
        format=("dollars", 0),
    ),
    Row(
        english="a month of storage of the photos",
        french="un mois de stockage des photos",
        of=lambda n: stored(n * PHOTO.size),
        format=("dollars", 0),
    ),
    Row(
        english="seconds to list the images in S3",
        french="secondes pour lister les images dans S3",
        of=lambda n: n / ASSUMED.list_rate,
    ),
    Row(
        english="batches of events through `start_run`",
        french="lots d’événements par `start_run`",
        of=lambda n: ceil(n / ASSUMED.per_batch),
    ),
    Row(
        english="commits of the first run",
        french="validations de la première exécution",
        of=lambda n: ceil(n / ASSUMED.chunk),
    ),
    Row(
        english="features, GB (float32)",
        french="caractéristiques, Go (float32)",
        of=lambda n: n * FEATURE_COUNT * 4 / GIGABYTE,
    ),
    Row(
        english="matrix as CSV, GB",
        french="matrice en CSV, Go",
        of=lambda n: n * ASSUMED.matrix_row / GIGABYTE,
    ),
    Row(
        english="files of the matrix",
        french="fichiers de la matrice",
        of=lambda n: ceil(n / ROWS_PER_FILE),
    ),
    Row(
        english="narrow columns in the driver, GB",
        french="colonnes étroites dans le driver, Go",
        of=driver_gb,
        format=("number", 1),
    ),
    Row(
        english="scatter matrix, MB",
        french="matrice de dispersion, Mo",
        of=lambda _: FEATURE_COUNT**2 * 8 / 1e6,
        format=("number", 1),
    ),
    Row(
        english="share of the images that the explorer shows",
        french="part des images que montre l’explorateur",
        of=lambda n: POINTS / n,
        format=("percent", 2),
    ),
    Row(
        english="energy to compute photos, kWh",
        french="énergie pour calculer des photos, kWh",
        of=lambda n: computing_kwh(n, PHOTO),
        format=("number", 1),
    ),
    Row(
        english="energy to store photos for a year, kWh",
        french="énergie pour stocker des photos un an, kWh",
        of=lambda n: storage_kwh(n, PHOTO),
    ),
)


def table(language: Language) -> str:
    """Return the table in Markdown."""
    by_name = filters(language)
    heads = (by_name["number"](size) for size in SIZES)
    lines = [_line("images", heads), _line("---", ["---:"] * len(SIZES))]
    for row in ROWS:
        write, digits = by_name[row.format[0]], row.format[1]
        lines.append(_line(row.name(language), (write(row.of(size), digits) for size in SIZES)))
    return "".join(lines)


def _line(name: str, cells: Iterable[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |\n"
