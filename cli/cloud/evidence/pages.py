"""The pages of the evidence: in English and in French, as HTML and as Markdown."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from cli.cloud import words
from cli.cloud.evidence.criteria import Verdict
from cli.cloud.evidence.found import Evidence
from cli.cloud.evidence.places import regions_in
from cli.cloud.evidence.text import LANGUAGES, Text, filled, text
from contract.environments import stack_name
from contract.layout import IMAGES, results_folder

KINDS = ("html", "md")
"""Endings of the pages, which are those of their templates, too."""

REHEARSED = text(
    "This environment is in a local AWS (a rehearsal). The page shows how the evidence is made; it proves "
    "nothing about AWS.",
)

LIMITS = text(
    "The answers are those of AWS at the time above, to read-only questions, as files beside this page. They "
    "prove where the data are and who may read them now, not who has read them before: the access logs and "
    "CloudTrail say that. Nothing is signed: the same questions can be asked again, with access to the "
    "account. Credentials, e-mail addresses and names of images are left out.",
)

WORDS = {
    "title": text("Evidence of a run in the cloud"),
    "all_met": text("All criteria are met."),
    "verdicts": text("Verdicts"),
    "criterion": text("Criterion"),
    "verdict": text("Verdict"),
    "why": text("Why"),
    "met": text("met"),
    "not_met": text("NOT MET"),
    "resources": text("Resources and their Regions"),
    "resource": text("Resource"),
    "region": text("Region"),
    "files": text("Files of this folder"),
    "limits": text("What this proves, and what it does not"),
}
"""Words of the templates."""


@dataclass(frozen=True)
class Row:
    """A row of a verdict, in one language."""

    title: str
    met: bool
    why: str


def pages_of(evidence: Evidence, verdicts: Sequence[Verdict], files: Sequence[str]) -> dict[str, str]:
    """Write the pages: name of a file → its content.

    Parameters
    ----------
    files
        Names of the other files of the folder.
    """
    return {
        f"evidence.{language}.{kind}": _page(evidence, verdicts, files, language, kind)
        for language in LANGUAGES
        for kind in KINDS
    }


def _page(evidence: Evidence, verdicts: Sequence[Verdict], files: Sequence[str], language: str, kind: str) -> str:
    templates = Environment(
        loader=PackageLoader("cli.cloud.evidence", "."),
        autoescape=kind == "html",  # noqa: S701 -- the other kind is Markdown
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["cell"] = _cell
    return templates.get_template(f"page.{kind}.j2").render(
        language=language,
        words={name: text.in_(language) for name, text in WORDS.items()},
        warning=REHEARSED.in_(language) if evidence.is_local else "",
        outcome=outcome_of(verdicts).in_(language),
        facts=[(name.in_(language), value) for name, value in facts_about(evidence)],
        verdicts=[Row(one.title.in_(language), one.met, one.why.in_(language)) for one in verdicts],
        resources=sorted(regions_in(evidence.answers).items()),
        files=files,
        limits=LIMITS.in_(language),
    )


def _cell(text: str) -> str:
    """Write a text into a cell of a table of Markdown, with its no-break spaces."""
    return re.sub(r"[ \r\n\t]+", " ", text).replace("|", "\\|").replace("<", "&lt;")


def outcome_of(verdicts: Sequence[Verdict]) -> Text:
    """Say how many criteria are met."""
    missed = sum(not verdict.met for verdict in verdicts)
    if not missed:
        return WORDS["all_met"]
    return filled(
        "Criteria that are not met: {missed:.0f} of {all:.0f}.",
        missed=missed,
        all=len(verdicts),
    )


def facts_about(evidence: Evidence) -> Iterator[tuple[Text, str]]:
    """Return what the evidence is about: names of facts, and values that are the same in both languages."""
    root, run = f"s3://{evidence.bucket}/", evidence.run_id
    yield text("Environment"), f"{evidence.environment} ({stack_name(evidence.environment)})"
    yield text("Account"), evidence.account or "?"
    yield text("Region"), evidence.region
    yield text("Asked at"), words.moment(evidence.asked_at)
    yield text("Run"), f"{run} ({evidence.summary.mode})"
    yield text("Begin and end"), " \N{EN DASH} ".join(_times(evidence))
    yield text("Images"), f"{root}{IMAGES}"
    yield text("Results"), f"{root}{results_folder(run)}"
    for file in evidence.matrix:
        yield text("Matrix"), f"{root}{file.part.file} (SHA-256 {file.found.sha256 if file.found else '?'})"
    yield text("Weights"), f"{evidence.summary.weights.kind} (SHA-256 {evidence.summary.weights.sha256})"
    yield text("Versions"), ", ".join(_versions(evidence))


def _times(evidence: Evidence) -> tuple[str, str]:
    known = evidence.record or evidence.summary
    return words.moment(known.started_at), words.moment(known.finished_at)


def _versions(evidence: Evidence) -> Iterator[str]:
    for _, content in evidence.answers.contents("emr-serverless:GetApplication"):
        yield f"EMR Serverless {content['application'].get('releaseLabel', '?')}"
    if evidence.record and evidence.record.version:
        yield f"revision {evidence.record.version.revision}"
    yield from (f"{name} {version}" for name, version in evidence.summary.versions.items())
