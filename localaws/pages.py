"""What AWS has no service for: faults, the ledger of grants, and credentials of a role."""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from localaws import authorization, notifications
from localaws.account import LocalAws, LocalAwsError
from localaws.faults import Fault, Faults

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = "application/json"


class Pages:
    """Answers to whoever rehearses: there is nobody else here, so everybody may ask."""

    def __init__(self, aws: LocalAws, faults: Faults) -> None:
        self._aws = aws
        self._faults = faults

    def answer(self, page: str, query: str, document: Any) -> tuple[str, bytes]:  # noqa: ANN401 -- a JSON document
        """Answer a request.

        Parameters
        ----------
        page
            Its name.
        query
            Behind the question mark.
        document
            What was sent, if anything: then something is to be changed.

        Returns
        -------
        tuple
            Type of the content, and the content.

        Raises
        ------
        LocalAwsError
            If there is no such page, or it can't be shown.
        """
        answers: dict[str, Callable[[], Any]] = {
            "credentials": lambda: self._aws.principals.take_on(parse_qs(query)["role"][0]),
            "events": lambda: notifications.deliver(document["times"]),
            "faults": lambda: self._take_faults(document),
            "grants": authorization.ledger,
        }
        if page not in answers:
            raise LocalAwsError(f"There is no page {page}: it is one of {', '.join(answers)}.")
        return JSON, json.dumps(answers[page]()).encode()

    def _take_faults(self, documents: list[dict[str, Any]] | None) -> dict[str, int]:
        """Take faults in the place of those before; say how often those have struck."""
        struck = self._faults.struck()
        if documents is not None:
            self._faults.put([Fault.from_document(document) for document in documents])
        return struck
