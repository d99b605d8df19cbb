"""The files of the evidence, without secrets: answers of AWS, documents of the run, verdicts and pages."""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from cli.cloud import cost
from cli.cloud.evidence.criteria import Verdict
from cli.cloud.evidence.found import Evidence
from cli.cloud.evidence.pages import KINDS, pages_of
from cli.cloud.evidence.text import LANGUAGES
from contract.summary import MatrixFile
from spark_app.errors import FruitsError

ANSWERS, ROLES, RUN, VERDICTS, COST = "answers", "roles", "run", "verdicts.json", "cost.json"
"""Entries of the folder beside the pages."""

ENTRIES = (
    *(f"evidence.{language}.{kind}" for language in LANGUAGES for kind in KINDS),
    ANSWERS,
    ROLES,
    RUN,
    VERDICTS,
    COST,
)
"""All entries of the folder. A folder with any other one is not replaced."""

MASK = "X" * 12
"""What stands in the place of the number of the account, which has twelve digits, too."""

ARN = re.compile(r"\barn:aws[\w-]*:[\w-]+:[\w-]*:(\d{12}):")
"""The name of a resource, with the account that it belongs to."""

REMOVED = "(removed)"

SECRETS = (
    re.compile(r"\b(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{12,}\b"),
    re.compile(r"(?<=X-Amz-Security-Token=)[^&\"\s]+"),
    re.compile(r"(?<=X-Amz-Signature=)[^&\"\s]+"),
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
)
"""Access keys and ids of users, tokens and signatures of URLs, e-mail addresses (the template has that of the "
"alarms)."""


class UnknownAccountError(FruitsError):
    """The number of the account is to be masked, but AWS has not said it."""


def files_of(evidence: Evidence, verdicts: Sequence[Verdict], *, masks_account: bool) -> dict[str, str]:
    """Write everything: path below the folder → content.

    Parameters
    ----------
    masks_account
        Whether `MASK` replaces the number of the account in all files, and that of any other account in an ARN.

    Raises
    ------
    UnknownAccountError
        If the account is to be masked, and no answer of AWS names it.
    """
    documents = {name: _json(content) for name, content in _documents(evidence, verdicts).items()}
    files = pages_of(evidence, verdicts, sorted(documents)) | documents
    hidden = _accounts_in(files.values(), evidence.account) if masks_account else ()
    return {name: without_secrets(text, hidden) for name, text in files.items()}


def _accounts_in(texts: Iterable[str], of_credentials: str | None) -> set[str]:
    """Return the numbers of all accounts, because AWS may refuse to say that of the credentials."""
    accounts = {account for text in texts for account in ARN.findall(text)} | {of_credentials} - {None}
    if not accounts:
        raise UnknownAccountError("The account is unknown, so it can't be masked: run the command again.")
    return accounts


def without_secrets(text: str, accounts: Collection[str] = ()) -> str:
    """Remove what would give access or name a person, and the numbers of the given accounts."""
    for secret in SECRETS:
        text = secret.sub(REMOVED, text)
    for account in accounts:
        text = text.replace(account, MASK)
    return text


def _documents(evidence: Evidence, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    return {
        VERDICTS: _verdicts_document(evidence, verdicts),
        COST: cost.document(evidence.costs),
        **{f"{ANSWERS}/{name}.json": list(map(asdict, group)) for name, group in evidence.answers.groups.items()},
        **{f"{ROLES}/{name}.json": role for name, role in evidence.answers.contents("iam:GetRole")},
        f"{RUN}/answers.json": [asdict(one) for group in evidence.run_answers.groups.values() for one in group],
        f"{RUN}/summary.json": asdict(
            replace(evidence.summary, matrix=[_unnamed(file.part) for file in evidence.matrix])
        ),
        f"{RUN}/record.json": asdict(evidence.record) if evidence.record else None,
        f"{RUN}/results.json": list(evidence.files),
        f"{RUN}/matrix.json": [asdict(replace(file, part=_unnamed(file.part))) for file in evidence.matrix],
    }


def _unnamed(part: MatrixFile) -> MatrixFile:
    """Return a file of the matrix without the name of its first image, because a name may be that of a person."""
    return replace(part, first_key="")


def _verdicts_document(evidence: Evidence, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    return {
        "environment": evidence.environment,
        "run": evidence.run_id,
        "asked_at": evidence.asked_at,
        "is_local": evidence.is_local,
        "met": all(verdict.met for verdict in verdicts),
        "criteria": [
            {"name": verdict.criterion, "met": verdict.met}
            | {language: verdict.why.in_(language) for language in LANGUAGES}
            for verdict in verdicts
        ],
    }


def _json(content: Any) -> str:  # noqa: ANN401 -- any document
    return json.dumps(content, indent=2, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: Any) -> str:  # noqa: ANN401 -- what json can't write
    return value.isoformat() if isinstance(value, datetime) else str(value)
