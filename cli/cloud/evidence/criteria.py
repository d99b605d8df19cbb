"""The criteria that the evidence of a run is judged by, and the verdicts."""

from collections.abc import Callable
from dataclasses import dataclass

from cli.cloud.evidence.found import Evidence
from cli.cloud.evidence.judging import Judged
from cli.cloud.evidence.outcome import judge_cost, judge_images, judge_matrix, judge_results, judge_run
from cli.cloud.evidence.places import judge_account, judge_regions
from cli.cloud.evidence.present import judge_alarms, judge_rest, judge_template
from cli.cloud.evidence.protection import judge_encryption, judge_logs, judge_privacy, judge_roles, judge_tls
from cli.cloud.evidence.text import Text, text

TEMPLATE = "template"
"""The criterion that only counts if there is a template to compare the deployed one with."""


@dataclass(frozen=True)
class Criterion:
    """What is demanded, and the function that judges it."""

    title: Text
    judge: Callable[[Evidence], Judged]


CRITERIA = {
    "region": Criterion(
        text("All resources are in the European Union"),
        judge_regions,
    ),
    "account": Criterion(
        text("All resources belong to one account"),
        judge_account,
    ),
    "encryption": Criterion(text("Data at rest are encrypted"), judge_encryption),
    "private": Criterion(text("The buckets are not public"), judge_privacy),
    "tls": Criterion(text("The buckets accept TLS only"), judge_tls),
    "roles": Criterion(text("The roles have limited permissions"), judge_roles),
    "logs": Criterion(text("Logs are deleted after a time"), judge_logs),
    "run": Criterion(text("The run has succeeded"), judge_run),
    "images": Criterion(
        text(
            "The bucket has the images, and each is in the matrix or refused",
        ),
        judge_images,
    ),
    "results": Criterion(text("The results are complete"), judge_results),
    "matrix": Criterion(
        text("The matrix is the one that the run has published"),
        judge_matrix,
    ),
    "cost": Criterion(text("The cost is known, and within the budget"), judge_cost),
    "at-rest": Criterion(text("Nothing runs any more"), judge_rest),
    "alarms": Criterion(text("No alarm is raised"), judge_alarms),
    TEMPLATE: Criterion(
        text("The stack is deployed as it was synthesised"),
        judge_template,
    ),
}
"""The criteria by name, in the order of the page."""


@dataclass(frozen=True)
class Verdict:
    """Whether a criterion, given by its name, is met, and why."""

    criterion: str
    met: bool
    why: Text

    @property
    def title(self) -> Text:
        """What the criterion demands."""
        return CRITERIA[self.criterion].title


def verdicts_on(evidence: Evidence) -> tuple[Verdict, ...]:
    """Judge the evidence by all criteria. What AWS has not answered is not met, because it is not proved."""
    return tuple(
        _verdict(name, criterion.judge(evidence))
        for name, criterion in CRITERIA.items()
        if name != TEMPLATE or evidence.template is not None
    )


def _verdict(name: str, judged: Judged) -> Verdict:
    return Verdict(name, met=not judged.faults, why=judged.why)
