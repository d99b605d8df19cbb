"""Custom resources: CloudFormation sends a request to a function, and the function puts its answer to a URL."""

import json
import secrets
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import Any

from localaws.account import OWN_PAGES, LocalAws, LocalAwsError

PAGE = "responses"
"""Name of the page to which functions put their answers."""

SECONDS_BETWEEN_LOOKS = 0.5

Answer = Mapping[str, Any]


class CustomResources:
    """The requests to functions of custom resources that wait for an answer."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws
        self._waiting: dict[str, SimpleQueue[Answer]] = {}

    def ask(self, request: Mapping[str, Any], seconds: float) -> Answer:
        """Send a request to the function of a custom resource, and return its answer.

        Parameters
        ----------
        request
            The event, whose resource properties contain the ARN of the function.
        seconds
            Time that the function has in AWS; the pace shortens it.

        Raises
        ------
        LocalAwsError
            If there is no answer in time.
        """
        token, answers = secrets.token_urlsafe(16), SimpleQueue[Answer]()
        self._waiting[token] = answers
        event = {**request, "ResponseURL": f"{self._aws.endpoint}{OWN_PAGES}{PAGE}?token={token}"}
        try:
            self._aws.client("lambda").invoke(
                FunctionName=request["ResourceProperties"]["ServiceToken"],
                InvocationType="Event",
                Payload=json.dumps(event).encode(),
            )
            return self._wait(answers, str(request["RequestId"]), seconds)
        finally:
            del self._waiting[token]

    def _wait(self, answers: "SimpleQueue[Answer]", request_id: str, seconds: float) -> Answer:
        left = self._aws.shortened(seconds)
        while left > 0 and not self._aws.stopping.is_set():
            try:
                return answers.get(timeout=min(left, SECONDS_BETWEEN_LOOKS))
            except Empty:
                left -= SECONDS_BETWEEN_LOOKS
        raise LocalAwsError(
            "CloudFormation did not receive a response from your Custom Resource. Please check your logs for "
            f"requestId [{request_id}]."
        )

    def receive(self, query: Mapping[str, list[str]], answer: Any) -> None:  # noqa: ANN401 -- a JSON document
        """Take the answer of a function: this is the page that its URL leads to.

        Raises
        ------
        LocalAwsError
            If no request with this URL waits, or if the answer is no document.
        """
        answers = self._waiting.get(query.get("token", [""])[0])
        if answers is None:
            raise LocalAwsError("No request of CloudFormation waits for an answer to this URL.")
        if not isinstance(answer, dict):
            raise LocalAwsError("An answer to CloudFormation is a document in JSON.")
        answers.put(answer)
