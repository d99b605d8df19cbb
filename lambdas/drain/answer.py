"""The answer of a custom resource to CloudFormation, in the format that AWS documents."""

import json
import urllib.request
from dataclasses import dataclass
from typing import Any

LONGEST_REASON = 1000
"""Number of characters of a reason. CloudFormation accepts answers of up to 4 KB."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a custom resource tells CloudFormation.

    Attributes
    ----------
    resource_id
        Physical id of the resource.
    failure
        Why the request has failed; `None` if it has succeeded.
    """

    resource_id: str
    failure: str | None = None

    def to_json(self, event: dict[str, Any]) -> str:
        """Return the answer to a request."""
        return json.dumps(
            {
                **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
                "PhysicalResourceId": self.resource_id,
                "Status": "FAILED" if self.failure else "SUCCESS",
                "Reason": (self.failure or "")[:LONGEST_REASON],
            }
        )


def send(event: dict[str, Any], answer: Answer) -> None:
    """Put the answer to the URL that the request names.

    Raises
    ------
    OSError
        If the answer can't be sent. Lambda then repeats the call of the function.
    """
    request = urllib.request.Request(  # noqa: S310 -- the URL is CloudFormation's
        event["ResponseURL"], data=answer.to_json(event).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 -- as above
        pass
