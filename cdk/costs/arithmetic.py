"""The price of what the pipeline does, USD."""

from dataclasses import dataclass
from math import ceil

from cdk.costs.assumptions import ASSUMED, GIGABYTE, HOURS_PER_MONTH, PRICES, ImageKind
from cdk.settings import ENVIRONMENTS, Environment, Worker
from contract.alarms import Alarm

PROD = ENVIRONMENTS["prod"]


@dataclass(frozen=True)
class Job:
    """The price of a job, and how long its driver runs."""

    usd: float
    hours: float


@dataclass(frozen=True)
class Idle:
    """A resource that costs something while nothing happens.

    Attributes
    ----------
    amount
        Units per month of one environment.
    free
        Units per month that AWS does not bill, per account.
    usd
        Price of a unit.
    """

    name: str
    amount: float
    free: float
    usd: float

    def price(self, environments: int = 1, *, free_tier: bool = True) -> float:
        """Price the resource for several environments in one account, per month."""
        return max(environments * self.amount - (self.free if free_tier else 0), 0) * self.usd


POLLS_PER_MONTH = ASSUMED.pollers * 3600 / ASSUMED.poll_s * HOURS_PER_MONTH

IDLE = (
    Idle(f"SQS: {POLLS_PER_MONTH:,.0f} requests that find nothing", POLLS_PER_MONTH, 1e6, PRICES.sqs_request),
    Idle(f"CloudWatch: {len(Alarm)} alarms", len(Alarm), 10, PRICES.alarm_month),
    Idle("CloudWatch: a dashboard", 1, 3, PRICES.dashboard_month),
    Idle("S3: the deployed packages", ASSUMED.assets_gb, 0, PRICES.s3_gb_month),
)


def stored(size: float, days: float = 30) -> float:
    """Price the storage of some bytes."""
    return size / GIGABYTE * PRICES.s3_gb_month * days / 30


def hourly(worker: Worker, environment: Environment = PROD) -> float:
    """Price an hour of a worker of EMR Serverless."""
    prices = environment.prices
    return worker.vcpus * prices.vcpu_hour + worker.memory_gb * prices.gb_hour


def job(
    images: float = 0,
    core_s: float = 0,
    rows: float = 0,
    listed: float = 0,
    environment: Environment = PROD,
    chunk: int = ASSUMED.chunk,
) -> Job:
    """Price a job of EMR Serverless.

    Parameters
    ----------
    images, core_s
        Number of images that the job computes, and seconds of a measured core for each.
    rows
        Number of rows of the tables that the job works through.
    listed
        Number of keys that the job lists.
    chunk
        Number of images between two commits.
    """
    driver, executor = environment.capacity.driver, environment.capacity.executor
    tasks = max(images / ASSUMED.per_task, (rows + listed) / ASSUMED.rows_per_task)
    executors = min(max(ceil(tasks / executor.vcpus), 1), environment.capacity.max_executors)
    computing = (images * core_s + rows * ASSUMED.row_s) / ASSUMED.vcpu / (executors * executor.vcpus)
    busy = computing + ASSUMED.commit_s * ceil(images / chunk)
    driver_h = (ASSUMED.job_s + listed / ASSUMED.list_rate + busy) / 3600
    executors_h = executors * (ASSUMED.executor_s + busy) / 3600
    return Job(driver_h * hourly(driver, environment) + executors_h * hourly(executor, environment), driver_h)


def requests(computed: float = 0, listed: float = 0) -> float:
    """Price what a run needs beside its job: S3, Step Functions, logs, `record_run` (3 s with 256 MB)."""
    storage = ASSUMED.run_puts * PRICES.s3_put + ASSUMED.run_gets * PRICES.s3_get
    workflow = ASSUMED.run_steps * PRICES.state_transition
    record_run = PRICES.lambda_call + 3 * 0.25 * PRICES.lambda_gb_second
    per_image = ASSUMED.image_puts * PRICES.s3_put + ASSUMED.image_gets * PRICES.s3_get
    listing = ceil(listed / 1000) * PRICES.s3_put
    return storage + workflow + ASSUMED.run_log_gb * PRICES.log_gb + record_run + computed * per_image + listing


def events(count: float) -> float:
    """Price the way of events to the inbox: SQS, `start_run` (512 MB), DynamoDB, executions that join another one."""
    start_run = PRICES.lambda_call + ASSUMED.intake_s * 0.5 * PRICES.lambda_gb_second + PRICES.s3_put
    coordination = 2 * PRICES.dynamodb_write + PRICES.dynamodb_read
    batch = start_run + coordination + ASSUMED.join_steps * PRICES.state_transition
    return count * (1 + 2 / ASSUMED.per_receive) * PRICES.sqs_request + ceil(count / ASSUMED.per_batch) * batch


def first_run(count: float, kind: ImageKind, environment: Environment = PROD) -> float:
    """Price the upload of a corpus and the run over it, if the run starts after the upload."""
    upload = count * PRICES.s3_put + events(count)
    return upload + job(count, kind.core_s, count, environment=environment).usd + requests(count)


def first_run_in_rounds(count: float, kind: ImageKind) -> tuple[float, int]:
    """Price the upload of a corpus if the first run starts with the upload: further rounds take what came since.

    Returns
    -------
    float
        Price.
    int
        Number of rounds.
    """
    usd, rounds, left = count * PRICES.s3_put + events(count), 0, count
    waiting = ASSUMED.upload_rate * ASSUMED.start_s
    while left > 0:
        images = min(left, waiting)
        one = job(images, kind.core_s, images)
        usd, rounds, left = usd + one.usd + requests(images), rounds + 1, left - images
        waiting = ASSUMED.upload_rate * (ASSUMED.start_s + one.hours * 3600 + PROD.gather_minutes * 60)
    return usd + (rounds - 1) * (ASSUMED.round_steps - ASSUMED.run_steps) * PRICES.state_transition, rounds


def update(kind: ImageKind, rows: float) -> float:
    """Price 100 new images, if the run rewrites some rows of the matrix. The old files stay for the retention."""
    superseded = stored(rows * ASSUMED.matrix_row + ASSUMED.page_bytes, PROD.retention_days)
    return 100 * PRICES.s3_put + events(100) + job(100, kind.core_s, rows).usd + requests(100) + superseded


def updates_in_a_month(gather_minutes: float) -> float:
    """Return the largest number of updates in a month of uploads that never pause.

    Parameters
    ----------
    gather_minutes
        Time in which at most one update starts. Without it, an update starts when the one before has ended.
    """
    return HOURS_PER_MONTH * 3600 / max(ASSUMED.start_s + ASSUMED.job_s, gather_minutes * 60)


def reprocess(count: float, kind: ImageKind) -> float:
    """Price a run that computes all images again. The old results stay for the retention."""
    superseded = stored(count * ASSUMED.result_row + ASSUMED.page_bytes, PROD.retention_days)
    return job(count, kind.core_s, count, count).usd + requests(count, count) + superseded


def daily_runs(count: float) -> float:
    """Price one `reconcile` and one `maintain`."""
    return job(listed=count).usd + requests(listed=count) + job().usd + requests()
