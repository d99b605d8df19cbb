"""What all criteria have in common: a criterion is met if its judge finds no fault."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cli.cloud.evidence.answers import Answers
from cli.cloud.evidence.text import Text, filled, joined

SHOWN = 3
"""Number of resources that a sentence names; it counts the others."""


@dataclass(frozen=True)
class Judged:
    """What a judge has found.

    Attributes
    ----------
    proof
        Sentence that says why the criterion is met, if there are no faults.
    faults
        Sentences that say why it is not met.
    """

    proof: Text
    faults: Sequence[Text] = ()

    @property
    def why(self) -> Text:
        """The faults, or the proof without any."""
        return joined(self.faults) if self.faults else self.proof


def unanswered(answers: Answers, *calls: str) -> list[Text]:
    """Say which questions AWS has not answered, and which were asked about no resource: neither proves anything."""
    unknown = [
        filled(
            "{call} of {of} has no answer ({problem}).",
            call=answer.call,
            of=answer.of,
            problem=answer.problem,
        )
        for call in calls
        for answer in answers.to(call)
        if answer.content is None
    ]
    return [*unknown, *(fault for call in calls for fault in nothing_found(answers.to(call), call))]


def nothing_found(found: Collection[object], call: str) -> list[Text]:
    """Return a fault if a call has found nothing: what would be true of all resources is proved by none."""
    return [] if found else [filled("{call} has found nothing, so that nothing is proved.", call=call)]


def fault_of(names: Sequence[str], english: str) -> list[Text]:
    """Return a fault that names resources, or counts those beyond the first ones; none without resources.

    Parameters
    ----------
    english
        Sentence of the catalogue with the place ``{names}``.
    """
    if not names:
        return []
    rest = f" (+{len(names) - SHOWN})" if len(names) > SHOWN else ""
    return [filled(english, names=", ".join(names[:SHOWN]) + rest)]
