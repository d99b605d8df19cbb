"""The numbers that the costs are computed from: list prices of AWS, measurements, and assumptions.

The prices of EMR Serverless belong to an environment's settings (`cdk.settings`).
"""

from dataclasses import dataclass, field, fields
from typing import Any

from contract.job import IMAGES_PER_TASK
from spark_app.settings import FEATURE_COUNT, RunSettings
from spark_app.stages.matrix import ROWS_PER_FILE

HOURS_PER_MONTH = 730
GIGABYTE = 2**30
"""Bytes of a gigabyte, as S3 and CloudWatch bill it."""


@dataclass(frozen=True, kw_only=True)
class ListPrices:
    """List prices of eu-west-1 beyond all free tiers, USD, 2026-11, without taxes."""

    s3_put: float = 5e-6
    """One PUT or LIST request to S3."""
    s3_get: float = 0.4e-6
    """One GET request to S3."""
    s3_gb_month: float = 0.023
    sqs_request: float = 0.4e-6
    state_transition: float = 25e-6
    """One transition of a Standard workflow."""
    lambda_call: float = 0.2e-6
    lambda_gb_second: float = 13.3334e-6
    """One second with 1 GB of memory on arm64."""
    dynamodb_write: float = 0.705e-6
    """One write of an item of up to 1 KB, on demand."""
    dynamodb_read: float = 0.1415e-6
    """One strongly consistent read of an item of up to 4 KB, on demand."""
    log_gb: float = 0.57
    alarm_month: float = 0.10
    metric_month: float = 0.30
    dashboard_month: float = 3.0
    athena_tb: float = 5.0
    download_gb: float = 0.09
    """One gigabyte from AWS to the internet."""
    cluster_hour: float = 2 * (0.172 + 0.0385)
    """Two m6g.xlarge, and what EMR on EC2 adds to each."""


def _is(value: float, meaning: str) -> Any:  # noqa: ANN401 -- a field, which the dataclass takes for its value
    return field(default=value, metadata={"meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What is measured or assumed about the work of a run. The metadata of each field says what it is."""

    core_rate: float = _is(88, "Small images a second on one measured core. Measured.")
    vcpu: float = _is(
        0.5,
        "Share of that core's work that a vCPU does. Assumed. On x86_64 a vCPU is a hyperthread, which is half a core; "
        "on arm64 it is a whole, but slower, core.",
    )
    decode_s: float = _is(
        0.155,
        "Seconds for a photo beyond those for a small image, which decodes in 0.7 ms. Measured. The worker decodes the "
        "whole photo, then reduces it.",
    )
    scaled_decode_s: float = _is(0.027, "The same for a photo that is decoded at a quarter of its width. Measured.")
    row_s: float = _is(
        0.001,
        "Seconds of that core for statistics, coordinates and matrix of one image. Measured in refitted updates of "
        "50,000 images.",
    )
    job_s: float = _is(180, "Seconds of the driver that AWS bills for any job; it bills at least a minute. Assumed.")
    executor_s: float = _is(
        120,
        "Seconds of an executor beyond its work: it unpacks its packages, and AWS releases it after an idle minute. "
        "Assumed.",
    )
    commit_s: float = _is(15, "Seconds that executors wait for the commit of a chunk. Assumed.")
    start_s: float = _is(60, "Seconds before the first job and between two rounds, which AWS does not bill. Assumed.")
    list_rate: float = _is(5_000, "Keys listed per second. Assumed.")
    upload_rate: float = _is(200, "Images uploaded per second. Assumed.")
    pollers: int = _is(5, "Connections by which Lambda polls a queue. Documented by AWS.")
    poll_s: float = _is(20, "Seconds of one long poll. Documented by AWS.")
    per_receive: int = _is(10, "Messages in one request to SQS.")
    per_batch: int = _is(4_000, "Events in a batch of 6 MB. Assumed.")
    intake_s: float = _is(5, "Seconds of `start_run` for a batch. Assumed.")
    run_steps: int = _is(17, "State transitions of a run.")
    round_steps: int = _is(19, "State transitions of a further round.")
    join_steps: int = _is(16, "State transitions of an execution that joins another one after a second look.")
    run_puts: float = _is(100, "PUT requests of any run. Assumed.")
    run_gets: float = _is(400, "GET requests of any run. Assumed.")
    run_log_gb: float = _is(0.005, "Gigabytes of logs of any run. Assumed.")
    image_puts: float = _is(0.01, "PUT requests per image: staging, tables and matrix. Assumed.")
    image_gets: float = _is(
        1.05, "GET requests per image: one for the image; the rest for staging, tables and matrix. Assumed."
    )
    chunk: int = _is(RunSettings.chunk_size, "Images of a chunk.")
    per_task: int = _is(IMAGES_PER_TASK, "Images of a task.")
    rows_per_task: int = _is(25_000, "Rows of a task that reads the tables (128 MB).")
    near_rows: int = _is(2 * ROWS_PER_FILE, "Rows of the files of the matrix that an update rewrites.")
    components: int = _is(344, "Components for 95 % of the variance of Fruits-360.")
    csv_bytes: int = _is(11, "Bytes of a number in a CSV file.")
    page_bytes: int = _is(10_000_000, "Bytes of the explorer of a run, at most. It is kept for the retention.")
    access_log_bytes: int = _is(1_800, "Bytes per image in the access logs of 30 days. Assumed.")
    assets_gb: float = _is(0.3, "Gigabytes of all packages of an environment. Assumed.")

    @property
    def matrix_row(self) -> int:
        """Bytes of an image in the matrix."""
        return self.components * self.csv_bytes

    @property
    def result_row(self) -> int:
        """Bytes of an image in the results: float32 features and components, and its row of the matrix."""
        return 4 * (FEATURE_COUNT + self.components) + self.matrix_row

    def table(self) -> list[tuple[str, float, str]]:
        """List name, value and meaning of each assumption."""
        return [(part.name, getattr(self, part.name), part.metadata["meaning"]) for part in fields(self)]


@dataclass(frozen=True)
class ImageKind:
    """A kind of images.

    Attributes
    ----------
    size
        Bytes of a file.
    core_s
        Seconds of a measured core to decode and featurise it.
    """

    name: str
    size: int
    core_s: float


PRICES = ListPrices()
ASSUMED = Assumptions()

SMALL = ImageKind("small", 5_000, 1 / ASSUMED.core_rate)
PHOTO = ImageKind("photos", 2_000_000, 1 / ASSUMED.core_rate + ASSUMED.decode_s)
SCALED_PHOTO = ImageKind("photos", 2_000_000, 1 / ASSUMED.core_rate + ASSUMED.scaled_decode_s)
