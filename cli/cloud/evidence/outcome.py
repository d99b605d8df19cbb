"""What the run has done, what it has left, and what it has cost."""

from cli.cloud.evidence.found import EXPECTED_FILES, Evidence
from cli.cloud.evidence.judging import Judged, fault_of, unanswered
from cli.cloud.evidence.text import Text, filled, text
from contract.workflow import SUCCESS

EXECUTION, JOB = "states:DescribeExecution", "emr-serverless:GetJobRun"


def judge_run(evidence: Evidence) -> Judged:
    """Judge whether the execution and its job have succeeded, as AWS says it, not only the record."""
    execution = [content["status"] for _, content in evidence.run_answers.contents(EXECUTION)]
    job = [content["jobRun"]["state"] for _, content in evidence.run_answers.contents(JOB)]
    states = filled(
        "Execution of the state machine: {execution}; job run {job_run}: {job}; from submission to end: "
        "{seconds:,.0f} s.",
        execution=", ".join(execution) or "?",
        job_run=evidence.record.job_run_id if evidence.record else "?",
        job=", ".join(job) or "?",
        seconds=evidence.record.seconds if evidence.record else 0,
    )
    has_succeeded = execution == ["SUCCEEDED"] and job == [SUCCESS]
    faults = [] if has_succeeded else [states]
    return Judged(states, [*unanswered(evidence.run_answers, EXECUTION, JOB), *faults])


def judge_images(evidence: Evidence) -> Judged:
    """Judge whether the bucket has as many images as the run knows: images in = rows + refused."""
    counts, count = evidence.summary.counts, evidence.images
    known = counts.images + counts.rejects
    sums = filled(
        "Images in the bucket: {images:,.0f}{more}; rows of the matrix + refused files: {rows:,.0f} + {rejects:,.0f} = "
        "{known:,.0f}.",
        images=count.images,
        more="" if count.is_complete else "+",
        rows=counts.images,
        rejects=counts.rejects,
        known=known,
    )
    differ = text(
        "Images have changed since the run, or another run is due.",
    )
    is_met = count.images == known if count.is_complete else known >= count.images
    return Judged(sums, [] if is_met and known else [sums, differ])


def judge_results(evidence: Evidence) -> Judged:
    """Judge whether the folder of the results has the files that a complete run leaves."""
    missing = [str(name) for name in EXPECTED_FILES if name not in evidence.files]
    proof = filled(
        "Files in the folder of the results: {count:,.0f}; none of the expected ones is missing.",
        count=len(evidence.files),
    )
    return Judged(proof, fault_of(missing, "Missing: {names}."))


def judge_matrix(evidence: Evidence) -> Judged:
    """Judge whether the matrix in the bucket has the hashes and the rows that the run has published."""
    files, counts, pca = evidence.matrix, evidence.summary.counts, evidence.summary.pca
    damaged = [file.part.file for file in files if not file.is_as_published]
    proof = filled(
        "Files of the matrix: {files:,.0f}; rows: {rows:,.0f} of {images:,.0f}; components: {components:,.0f}; "
        "each SHA-256 of the download is that of summary.json.",
        files=len(files),
        rows=(rows := sum(file.rows for file in files)),
        images=counts.images,
        components=pca.components if pca else 0,
    )
    faults = fault_of(
        damaged,
        "Hash, size or rows are not those of summary.json: {names}.",
    )
    if not files or rows != counts.images:
        faults.append(_incomplete(rows, counts.images))
    return Judged(proof, faults)


def _incomplete(rows: int, images: int) -> Text:
    return filled(
        "Rows of the matrix: {rows:,.0f} instead of {images:,.0f}.",
        rows=rows,
        images=images,
    )


def judge_cost(evidence: Evidence) -> Judged:
    """Judge whether the cost of the run is recorded, and whether the month is within the budget."""
    cost = evidence.record.cost_usd if evidence.record else None
    month, budget = evidence.costs.month, evidence.costs.budget_usd
    amounts = filled(
        "The job has cost {cost:.4f} USD at list prices, all jobs of the month {month:.2f} USD; the budget of "
        "the month is {budget:,.0f} USD.",
        cost=cost or 0.0,
        month=month.spent_usd if month else 0.0,
        budget=budget,
    )
    faults = []
    if cost is None:
        faults.append(text("The cost of the run is not recorded."))
    if month is None:
        faults.append(text("These credentials can't read the metrics."))
    elif month.is_over:
        faults.append(amounts)
    return Judged(amounts, faults)
