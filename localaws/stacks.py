"""What moto's records of stacks contain here: templates, resources, outputs, and the events of all steps."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.cloudformation.models import Event, Stack
from moto.cloudformation.parsing import Export, Output

from localaws.account import LocalAwsError
from localaws.resources import Resource
from localaws.template import Document

logger = logging.getLogger(__name__)

UPDATABLE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})
"""Statuses in which a stack can be updated; in all others it can only be deleted."""


@dataclass
class StackResource:
    """A resource of a stack, with the attributes that moto's answers read.

    Attributes
    ----------
    document
        The resource in the template.
    resource
        The created resource; `None` before its creation begins.
    """

    logical_resource_id: str
    document: Document
    resource: Resource | None = None

    @property
    def cf_resource_type(self) -> str:
        """Type of the resource."""
        return str(self.document["Type"])

    @property
    def physical_resource_id(self) -> str:
        """Empty until the resource is created."""
        return self.resource.physical_id if self.resource else ""

    def policy(self, name: str) -> str:
        """Return what happens to the resource by its ``DeletionPolicy`` or ``UpdateReplacePolicy``."""
        return str(self.document.get(name, "Delete"))


@dataclass
class StackContents:
    """The template and the resources of a stack, in the place of moto's map of resources.

    Attributes
    ----------
    resolved_parameters
        Parameters as they were given, or their defaults.
    existing
        Resources in the order of their creation.
    """

    template: Document
    resolved_parameters: Mapping[str, Any]
    existing: list[StackResource] = field(default_factory=list)
    no_echo_parameter_keys: tuple[str, ...] = ()

    def values(self) -> list[StackResource]:
        """List the resources."""
        return list(self.existing)


class StackOutputs(dict[str, Output]):
    """The outputs of a stack, in the place of moto's map of outputs."""

    exports: tuple[Export, ...] = ()


def is_begun(stack: Stack) -> bool:
    """Return whether the creation of a stack has begun; moto keeps a stack from its first change set on."""
    return isinstance(stack.resource_map, StackContents)  # type: ignore[unreachable, unused-ignore] # moto says ResourceMap


def contents_of(stack: Stack) -> StackContents:
    """Return the contents of a stack, which are empty before its creation."""
    contents: Any = stack.resource_map
    return contents if is_begun(stack) else StackContents({}, {})


def attempt(step: Callable[[], object]) -> str | None:
    """Take a step, and return the reason of its failure, or `None` if it succeeds."""
    try:
        step()
    except (LocalAwsError, ClientError, BotoCoreError) as error:
        return str(error)
    except Exception as error:  # any failure must end the operation, or the CDK command would wait for it forever
        logger.exception("A step of an operation on a stack failed")
        return f"{type(error).__name__}: {error}"
    return None


def add_event(stack: Stack, status: str, reason: str | None = None, *, of: StackResource | None = None) -> None:
    """Add an event of a stack, or of one of its resources; an event of the stack also sets its status."""
    event = Event(
        stack_id=stack.stack_id,
        stack_name=stack.name,
        logical_resource_id=of.logical_resource_id if of else stack.name,
        physical_resource_id=of.physical_resource_id if of else stack.stack_id,
        resource_type=of.cf_resource_type if of else "AWS::CloudFormation::Stack",
        resource_status=status,
        resource_status_reason=reason,
        resource_properties=None,
    )
    if stack.events:  # the CDK command sorts the events by their milliseconds
        event.timestamp = max(event.timestamp, stack.events[-1].timestamp + timedelta(milliseconds=1))
    stack.events.append(event)
    if of is None:
        stack.status = status
    if status.endswith("_FAILED"):
        logger.error("%s %s: %s", status, event.logical_resource_id, reason)
