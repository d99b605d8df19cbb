"""The creation and deletion of stacks: resource by resource, in order, with an event for every step."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import ChangeSet, Event, Stack
from moto.cloudformation.parsing import Export, Output

from localaws.account import ACCOUNT, REGION, LocalAwsError
from localaws.resources import MAKERS, Resource
from localaws.template import Document, Scope, as_text, broken_rules, in_order, parameter_values

logger = logging.getLogger(__name__)

Client = Callable[..., Any]
"""Returns the client of a service; takes its name, and optionally the ARN of a role."""


@dataclass
class StackResource:
    """A resource of a stack, with the attributes that moto's answers read.

    Attributes
    ----------
    logical_resource_id
        Name in the template.
    retained
        Whether the resource outlives the stack.
    physical_resource_id
        Empty until the resource is created.
    resource
        The created resource; `None` before its creation begins.
    """

    logical_resource_id: str
    cf_resource_type: str
    retained: bool
    physical_resource_id: str = ""
    resource: Resource | None = None


@dataclass
class StackContents:
    """The template and the resources of a stack, in the place of moto's map of resources.

    Attributes
    ----------
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

    def build_change_set_actions(self, template: Document) -> dict[str, dict[str, Any]]:
        """List the changes that a new template makes: there are none, as any other template is refused."""
        if template != self.template:
            raise ValidationError(message="Stacks are not updated here: delete the stack, and create it again.")
        return {}


class StackOutputs(dict[str, Output]):
    """The outputs of a stack, in the place of moto's map of outputs."""

    exports: tuple[Export, ...] = ()


class Plan:
    """The creation of a stack, checked as far as it can be checked before it begins.

    Raises
    ------
    LocalAwsError
        If the stack can't be created as the change set says.
    """

    def __init__(self, change_set: ChangeSet, client: Client) -> None:
        if change_set.tags:
            raise LocalAwsError("Tags of stacks are not passed on to their resources here: tag the resources.")
        self._stack, self._client = change_set.stack, client
        self._text, self._template = change_set.template, change_set.template_dict
        parameters = parameter_values(self._template, change_set.parameters, self._read_parameter)
        self._contents = StackContents(self._template, parameters)
        self._names: dict[str, Any] = {**parameters, **_pseudo_parameters(self._stack)}
        self._attributes: dict[str, Mapping[str, Any]] = {}
        self._scope = Scope(self._names, self._template.get("Conditions", {}), self._attribute)
        if broken := broken_rules(self._template, self._scope):
            raise LocalAwsError(" ".join(broken))
        self._order = in_order(self._template, self._scope)
        types = {self._template["Resources"][name]["Type"] for name in self._order}
        if unknown := sorted(types - MAKERS.keys()):
            raise LocalAwsError(f"The local AWS does not know resources of type {', '.join(unknown)}.")

    def execute(self) -> None:
        """Create the stack; if a resource fails, delete those before it."""
        self._stack.resource_map = self._contents  # type: ignore[assignment] # it has the methods of moto's ResourceMap
        self._stack.template, self._stack.template_dict = self._text, self._template
        self._stack.description = self._template.get("Description")
        _add_event(self._stack, "CREATE_IN_PROGRESS", "User Initiated")
        failed = next((name for name in self._order if not self._create(name)), None)
        reason = f"The following resource(s) failed to create: [{failed}]." if failed else _attempt(self._set_outputs)
        if reason:
            _delete_all(self._stack, "ROLLBACK", f"{reason} Rollback requested by user.")
        else:
            _add_event(self._stack, "CREATE_COMPLETE")

    def _create(self, name: str) -> bool:
        document = self._template["Resources"][name]
        one = StackResource(name, document["Type"], retained=document.get("DeletionPolicy") == "Retain")
        self._contents.existing.append(one)
        _add_event(self._stack, "CREATE_IN_PROGRESS", of=one)
        reason = _attempt(lambda: self._make(one, document.get("Properties", {})))
        _add_event(self._stack, "CREATE_FAILED" if reason else "CREATE_COMPLETE", reason, of=one)
        return not reason

    def _make(self, one: StackResource, properties: Document) -> None:
        name, kind = one.logical_resource_id, one.cf_resource_type
        one.resource = Resource(self._stack.name, name, kind, self._scope.evaluate(properties), self._client)
        made = MAKERS[kind](one.resource)
        one.physical_resource_id = made.physical_id
        self._names[name], self._attributes[name] = made.physical_id, made.attributes
        one.resource.require_all_taken()

    def _attribute(self, name: str, attribute: str) -> Any:  # noqa: ANN401 -- as the resource has it
        if attribute not in self._attributes.get(name, {}):
            raise LocalAwsError(f"The local AWS does not know the attribute {attribute} of {name}.")
        return self._attributes[name][attribute]

    def _read_parameter(self, name: str) -> str:
        return str(self._client("ssm").get_parameter(Name=name)["Parameter"]["Value"])

    def _set_outputs(self) -> None:
        outputs = StackOutputs()
        for name, output in self._template.get("Outputs", {}).items():
            if "Condition" in output and not self._scope.holds({"Condition": output["Condition"]}):
                continue
            value = as_text(self._scope.evaluate(output["Value"]))
            outputs[name] = Output(name, value, output.get("Description"))
            if "Export" in output:
                export = Export(self._stack.stack_id, self._scope.evaluate(output["Export"]["Name"]), value)
                outputs.exports = (*outputs.exports, export)
        self._stack.output_map = outputs  # type: ignore[assignment] # it has the methods of moto's OutputMap


def delete(stack: Stack) -> None:
    """Delete the resources of a stack, the last first; after a failure, which is in the events, try again.

    Raises
    ------
    ValidationError
        If termination protection is enabled.
    """
    if stack.enable_termination_protection:
        raise ValidationError(message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    _delete_all(stack, "DELETE", "User Initiated")


def _delete_all(stack: Stack, operation: str, reason: str) -> None:
    _add_event(stack, f"{operation}_IN_PROGRESS", reason)
    contents: Any = stack.resource_map
    existing = contents.existing if is_begun(stack) else []
    while existing:
        if not _delete_resource(stack, existing[-1]):
            failed = f"The following resource(s) failed to delete: [{existing[-1].logical_resource_id}]."
            _add_event(stack, f"{operation}_FAILED", failed)
            return
        existing.pop()
    _add_event(stack, f"{operation}_COMPLETE")


def _delete_resource(stack: Stack, one: StackResource) -> bool:
    if one.retained:
        _add_event(stack, "DELETE_SKIPPED", of=one)
        return True
    _add_event(stack, "DELETE_IN_PROGRESS", of=one)
    reason = _attempt(one.resource.remove) if one.resource else None
    _add_event(stack, "DELETE_FAILED" if reason else "DELETE_COMPLETE", reason, of=one)
    return not reason


def is_begun(stack: Stack) -> bool:
    """Return whether the creation of a stack has begun; moto keeps a stack from its first change set on."""
    return isinstance(stack.resource_map, StackContents)  # type: ignore[unreachable, unused-ignore] # moto says ResourceMap


def _attempt(step: Callable[[], None]) -> str | None:
    """Take a step, and return the reason of its failure, or `None` if it succeeds."""
    try:
        step()
    except (LocalAwsError, ClientError, BotoCoreError) as error:
        return str(error)
    except Exception as error:  # any failure must end the stack, or the CDK command would wait for it forever
        logger.exception("A resource can't be created or deleted")
        return f"{type(error).__name__}: {error}"
    return None


def _add_event(stack: Stack, status: str, reason: str | None = None, *, of: StackResource | None = None) -> None:
    """Add an event of a stack, or of one of its resources; an event of the stack also sets its status."""
    if of is None:
        stack.status = status
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
    stack.events.append(event)
    if status.endswith("_FAILED"):
        logger.error("%s %s: %s", status, event.logical_resource_id, reason)


def _pseudo_parameters(stack: Stack) -> dict[str, str]:
    return {
        "AWS::AccountId": ACCOUNT,
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        "AWS::StackId": stack.stack_id,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": "amazonaws.com",
    }
