"""What AWS has no service for: faults, the ledger of grants, credentials of a role, the last report in a browser."""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from contract.environments import Output
from contract.layout import LATEST
from rehearsal.local_aws import authorization, notifications
from rehearsal.local_aws.account import LocalAws, LocalAwsError
from rehearsal.local_aws.faults import Fault, Faults

if TYPE_CHECKING:
    from collections.abc import Callable

JSON, HTML = "application/json", "text/html; charset=utf-8"


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
        if page == "report":
            return HTML, self._report()
        answers: dict[str, Callable[[], Any]] = {
            "credentials": lambda: self._aws.principals.take_on(parse_qs(query)["role"][0]),
            "events": lambda: notifications.deliver(document["times"]),
            "faults": lambda: self._take_faults(document),
            "grants": authorization.ledger,
        }
        if page not in answers:
            raise LocalAwsError(f"There is no page {page}: it is one of report, {', '.join(answers)}.")
        return JSON, json.dumps(answers[page]()).encode()

    def _take_faults(self, documents: list[dict[str, Any]] | None) -> dict[str, int]:
        """Take faults in the place of those before; say how often those have struck."""
        struck = self._faults.struck()
        if documents is not None:
            self._faults.put([Fault.from_document(document) for document in documents])
        return struck

    def _report(self) -> bytes:
        """Fetch the last report, which browsers would store rather than show."""
        s3 = self._aws.client("s3")
        try:
            bucket = self._bucket()
            latest = json.load(s3.get_object(Bucket=bucket, Key=LATEST)["Body"])
            body: bytes = s3.get_object(Bucket=bucket, Key=f"{latest['results']}report.html")["Body"].read()
        except (StopIteration, s3.exceptions.NoSuchKey) as error:
            raise LocalAwsError("There is no report yet: upload pictures, and wait for the end of the run.") from error
        return body

    def _bucket(self) -> str:
        stacks = self._aws.client("cloudformation").describe_stacks()["Stacks"]
        outputs = (output for stack in stacks for output in stack.get("Outputs", []))
        return next(str(output["OutputValue"]) for output in outputs if output["OutputKey"] == Output.BUCKET)
