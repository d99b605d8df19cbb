"""Custom resources: a function of the stack creates, updates and deletes them."""

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from localaws.account import LocalAwsError
from localaws.resources.resource import Made, Resource
from localaws.template import as_text

CUSTOM = ("Custom::", "AWS::CloudFormation::CustomResource")
"""Beginnings of the types whose resources are made by a function."""

TIMEOUT_SECONDS = 3600
"""Time that a function has if the resource does not set ServiceTimeout."""


def make_custom(resource: Resource) -> Made:
    """Let the function of a custom resource create or update it.

    Raises
    ------
    LocalAwsError
        If the function reports a failure, or does not answer in time.
    """
    resource.take_all(" ".join(resource.properties))
    before, function = resource.before, resource.properties.get("ServiceToken")
    if function is None:
        raise LocalAwsError(f"{resource.kind} needs the property ServiceToken.")
    if resource.remember("function", lambda: function) != function:
        raise LocalAwsError("Modifying service token is not allowed.")
    if before is None:
        answer = _ask(resource, "Create")
    else:
        old = {"PhysicalResourceId": before.physical_id, "OldResourceProperties": _as_texts(before.properties)}
        answer = _ask(resource, "Update", **old)
    physical_id = answer.get("PhysicalResourceId")
    succeeded = answer.get("Status") == "SUCCESS"
    if physical_id and (succeeded or before is None):
        # CloudFormation deletes a resource whose creation has failed, too, if the function has named it.
        resource.undo_as((resource.kind, physical_id), partial(_delete, resource, physical_id))
    _require_success(answer)
    if not physical_id:
        raise LocalAwsError("Invalid PhysicalResourceId: the answer of the function has none.")
    return Made(physical_id, answer.get("Data") or {})


def _delete(resource: Resource, physical_id: str) -> None:
    _require_success(_ask(resource, "Delete", PhysicalResourceId=physical_id))


def _ask(resource: Resource, kind: str, **more: object) -> Mapping[str, Any]:
    """Send a request to the function; `kind` is Create, Update or Delete."""
    request = {
        "RequestType": kind,
        "RequestId": str(uuid.uuid4()),
        "StackId": resource.owner.stack_id,
        "ResourceType": resource.kind,
        "LogicalResourceId": resource.logical_id,
        "ResourceProperties": _as_texts(resource.properties),
        **more,
    }
    answer = resource.owner.ask(request, float(resource.properties.get("ServiceTimeout", TIMEOUT_SECONDS)))
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        if answer.get(name) != request[name]:
            raise LocalAwsError(f"The answer of the function has another {name} than the request.")
    return answer


def _require_success(answer: Mapping[str, Any]) -> None:
    if answer.get("Status") != "SUCCESS":
        raise LocalAwsError(
            f"Received response status [{answer.get('Status')}] from custom resource. "
            f"Message returned: {answer.get('Reason')} (RequestId: {answer.get('RequestId')})"
        )


def _as_texts(value: Any) -> Any:  # noqa: ANN401 -- any property
    """Convert numbers and truth values into text, as CloudFormation does in its requests."""
    if isinstance(value, Mapping):
        return {name: _as_texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_texts(item) for item in value]
    return as_text(value)
