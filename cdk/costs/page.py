"""docs/costs.md and docs/costs.fr.md: tables and amounts of `cdk.costs.arithmetic` in the texts of the templates."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import jinja2

from cdk.costs import french
from cdk.costs.arithmetic import (
    IDLE,
    PROD,
    Idle,
    daily_runs,
    events,
    first_run,
    first_run_in_rounds,
    hourly,
    job,
    reprocess,
    requests,
    stored,
    update,
    updates_in_a_month,
)
from cdk.costs.assumptions import ASSUMED, GIGABYTE, HOURS_PER_MONTH, PHOTO, PRICES, SCALED_PHOTO, SMALL, ImageKind
from cdk.settings import ENVIRONMENTS, Architecture, Environment
from cdk.typography import NO_BREAK
from spark_app.stages.matrix import FILES_AT_ONCE, ROWS_PER_FILE

CASES = tuple((count, kind) for kind in (SMALL, PHOTO) for count in (1_000, 100_000, 10_000_000))
MILLIONS = 10_000_000


def render() -> str:
    """Compose the page in English."""
    return _filled_in(
        "costs.md.j2",
        usd=lambda amount: f"${money(amount)}",
        tables=_tables(),
        assumptions=[(name, f"{value:,}", meaning) for name, value, meaning in ASSUMED.table()],
        rows_per_file=f"{ROWS_PER_FILE:,}",
    )


def render_in_french() -> str:
    """Compose the page in French."""
    return _filled_in(
        "costs.fr.md.j2",
        usd=lambda amount: f"{french.notation(money(amount))}{NO_BREAK}$",
        tables={name: french.table(table) for name, table in _tables().items()},
        assumptions=[(name, french.notation(f"{value:,}"), french.meaning(name)) for name, value, _ in ASSUMED.table()],
        rows_per_file=french.notation(f"{ROWS_PER_FILE:,}"),
    )


def _filled_in(
    template: str,
    *,
    usd: Callable[[float], str],
    tables: dict[str, str],
    assumptions: list[tuple[str, str, str]],
    rows_per_file: str,
) -> str:
    """Fill in a template. What differs between the languages comes as arguments."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 -- Markdown of our own numbers
    )
    templates.filters["usd"] = usd
    return templates.get_template(template).render(
        **tables,
        assumptions=assumptions,
        assumed=ASSUMED,
        matrix_files=FILES_AT_ONCE,
        rows_per_file=rows_per_file,
        executors_in_dev=ENVIRONMENTS["dev"].capacity.max_executors,
        rounds=first_run_in_rounds(MILLIONS, SMALL)[1],
        **_amounts(),
    )


def _tables() -> dict[str, str]:
    return {"idle": _idle(), "trickle": _trickle(), "images": _images(), "variants": _variants()}


def money(usd: float) -> str:
    """Format an amount with about three significant digits."""
    return f"{usd:,.{0 if usd >= 100 else 2 if usd >= 1 else 3}f}"  # noqa: PLR2004 -- the digits are the format


def _row(name: str, cells: Iterable[float | str]) -> str:
    return " | ".join([f"| {name}", *(cell if isinstance(cell, str) else money(cell) for cell in cells)]) + " |"


def _table(*rows: tuple[str, Iterable[float | str]]) -> str:
    (title, heads), *body = ((name, list(cells)) for name, cells in rows)
    return "\n".join([_row(title, heads), _row("---", ["---:"] * len(heads)), *(_row(*row) for row in body)])


def _idle() -> str:
    def prices(one: Idle) -> tuple[float, float, float]:
        return one.price(free_tier=False), one.price(), one.price(3)

    return _table(
        ("USD a month", ["beyond free tiers", "one environment", "three in an account"]),
        *((one.name, prices(one)) for one in IDLE),
        ("**idle, in all**", [sum(column) for column in zip(*map(prices, IDLE), strict=True)]),
        ("for every 100 GB of images", [stored(100 * GIGABYTE)] * 3),
    )


def _images() -> str:
    def each(price: Callable[[int, ImageKind], float | str]) -> list[float | str]:
        return [price(count, kind) for count, kind in CASES]

    kept_bytes = ASSUMED.result_row + ASSUMED.access_log_bytes
    return _table(
        ("USD", each(lambda n, kind: f"{n:,} {kind.name}")),
        ("upload: S3 PUT", each(lambda n, _: n * PRICES.s3_put)),
        ("events: SQS, Lambda, DynamoDB, Step Functions", each(lambda n, _: events(n))),
        ("EMR Serverless", each(lambda n, kind: job(n, kind.core_s, n).usd)),
        ("the run's S3 requests, workflow, logs", each(lambda n, _: requests(n))),
        ("**first run, in all**", each(first_run)),
        ("… if it starts with the upload", each(lambda n, kind: first_run_in_rounds(n, kind)[0])),
        ("… minutes of its job", each(lambda n, kind: f"{job(n, kind.core_s, n).hours * 60:,.0f}")),
        ("update: 100 new images", each(lambda n, kind: update(kind, min(n, ASSUMED.near_rows)))),
        ("… that gives all images new coordinates", each(lambda n, kind: update(kind, n))),
        ("reprocess", each(reprocess)),
        ("a month: images stored", each(lambda n, kind: stored(n * kind.size))),
        ("a month: tables, matrix, access logs stored", each(lambda n, _: stored(n * kept_bytes))),
        ("a month: reconcile and maintain, 30 times", each(lambda n, _: 30 * daily_runs(n))),
    )


def _variants() -> str:
    as_above = f"as above: {PROD.architecture.lower()}, {PROD.region}, up to {PROD.capacity.max_executors} executors"
    variants = {
        as_above: PROD,
        "x86_64": replace(PROD, architecture=Architecture.X86_64),
        "eu-central-1": replace(PROD, region="eu-central-1"),
        "eu-west-3": replace(PROD, region="eu-west-3"),
        "up to 3 executors": replace(PROD, capacity=replace(PROD.capacity, max_executors=3)),
        "up to 100 executors": replace(PROD, capacity=replace(PROD.capacity, max_executors=100)),
    }

    rows = [(name, _computing(environment)) for name, environment in variants.items()]
    return _table(
        ("USD (minutes) of EMR Serverless", [f"{MILLIONS:,} small", "100,000 photos"]),
        *rows,
        ("`--chunk-size 250000`", _computing(chunk=250_000)),
        ("photos decoded at a quarter of their width", _computing(photo=SCALED_PHOTO)),
    )


def _trickle() -> str:
    """Price uploads that never pause, by the time for which notices gather."""
    an_update = update(SMALL, ASSUMED.near_rows)
    cases = {"no gathering": 0, **{f"`gather_minutes` {minutes}": minutes for minutes in (1, 15, 60, 1440)}}

    def prices(minutes: int) -> list[float | str]:
        count = updates_in_a_month(minutes)
        return [f"{count:,.0f}", count * an_update]

    rows = [(name, prices(minutes)) for name, minutes in cases.items()]
    return _table(("uploads all month", ["updates a month", "USD a month"]), *rows)


def _computing(environment: Environment = PROD, chunk: int = ASSUMED.chunk, photo: ImageKind = PHOTO) -> list[str]:
    cases = ((MILLIONS, SMALL), (100_000, photo))
    jobs = [job(n, kind.core_s, n, environment=environment, chunk=chunk) for n, kind in cases]
    return [f"{money(one.usd)} ({one.hours * 60:,.0f})" for one in jobs]


def _amounts() -> dict[str, float]:
    """Compute the amounts that the text names."""
    vcpu_hour = hourly(PROD.capacity.executor) / PROD.capacity.executor.vcpus
    vcpu_hours = MILLIONS * SMALL.core_s / ASSUMED.vcpu / 3600
    an_update = update(SMALL, ASSUMED.near_rows)
    return {
        "least": job().usd + requests(),
        "first_thousand_in_dev": first_run(1_000, SMALL, ENVIRONMENTS["dev"]),
        "first_hundred_thousand": first_run(100_000, SMALL),
        "first_hundred_thousand_in_dev": first_run(100_000, SMALL, ENVIRONMENTS["dev"]),
        "updates_all_month": updates_in_a_month(0) * an_update,
        "updates_gathered": updates_in_a_month(PROD.gather_minutes) * an_update,
        "gather_minutes": PROD.gather_minutes,
        "vcpu_hour": vcpu_hour,
        "cluster_vcpu_hour": PRICES.cluster_hour / 8,
        "cluster_month": PRICES.cluster_hour * HOURS_PER_MONTH,
        "computing_millions": vcpu_hours * vcpu_hour,
        # 1,769 MB of memory are one vCPU of Lambda.
        "lambda_millions": vcpu_hours * 3600 * 1.769 * PRICES.lambda_gb_second + MILLIONS * PRICES.lambda_call,
        "put_millions": MILLIONS * PRICES.s3_put,
        "metrics_month": 5 * PRICES.metric_month,
        "largest_query": PROD.query_limit_gb / 1024 * PRICES.athena_tb,
        "download_millions": MILLIONS * ASSUMED.matrix_row / GIGABYTE * PRICES.download_gb,
    }
