"""The criteria that the evidence of a run is judged by, and the verdicts."""

from collections.abc import Callable
from dataclasses import dataclass

from cli.cloud.evidence.found import Evidence
from cli.cloud.evidence.judging import Judged
from cli.cloud.evidence.outcome import judge_cost, judge_images, judge_matrix, judge_results, judge_run
from cli.cloud.evidence.places import judge_account, judge_regions
from cli.cloud.evidence.present import judge_alarms, judge_rest, judge_template
from cli.cloud.evidence.protection import judge_encryption, judge_logs, judge_privacy, judge_roles, judge_tls
from cli.cloud.evidence.text import Text

TEMPLATE = "template"
"""The criterion that only counts if there is a template to compare the deployed one with."""


@dataclass(frozen=True)
class Criterion:
    """What is demanded, and the function that judges it."""

    title: Text
    judge: Callable[[Evidence], Judged]


CRITERIA = {
    "region": Criterion(
        Text("All resources are in the European Union", "Toutes les ressources sont dans l'Union européenne"),
        judge_regions,
    ),
    "account": Criterion(
        Text("All resources belong to one account", "Toutes les ressources appartiennent à un seul compte"),
        judge_account,
    ),
    "encryption": Criterion(
        Text("Data at rest are encrypted", "Les données au repos sont chiffrées"), judge_encryption
    ),
    "private": Criterion(Text("The buckets are not public", "Les buckets ne sont pas publics"), judge_privacy),
    "tls": Criterion(Text("The buckets accept TLS only", "Les buckets n'acceptent que TLS"), judge_tls),
    "roles": Criterion(Text("The roles have limited permissions", "Les rôles ont des droits limités"), judge_roles),
    "logs": Criterion(Text("Logs are deleted after a time", "Les journaux sont supprimés après un délai"), judge_logs),
    "run": Criterion(Text("The run has succeeded", "Le traitement a réussi"), judge_run),
    "images": Criterion(
        Text(
            "The bucket has the images, and each is in the matrix or refused",
            "Le bucket contient les images, et chacune est dans la matrice ou refusée",
        ),
        judge_images,
    ),
    "results": Criterion(Text("The results are complete", "Les résultats sont complets"), judge_results),
    "matrix": Criterion(
        Text("The matrix is the one that the run has published", "La matrice est celle que le traitement a publiée"),
        judge_matrix,
    ),
    "cost": Criterion(
        Text("The cost is known, and within the budget", "Le coût est connu et respecte le budget"), judge_cost
    ),
    "at-rest": Criterion(Text("Nothing runs any more", "Plus rien n'est en cours"), judge_rest),
    "alarms": Criterion(Text("No alarm is raised", "Aucune alarme n'est déclenchée"), judge_alarms),
    TEMPLATE: Criterion(
        Text("The stack is deployed as it was synthesised", "La pile est déployée telle qu'elle a été synthétisée"),
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
