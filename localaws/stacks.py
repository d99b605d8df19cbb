"""How a stack is made and deleted: resource by resource, in order, and every step told as an event."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import ChangeSet, Event, Stack
from moto.cloudformation.parsing import Export, Output

from localaws.account import ACCOUNT, REGION, LocalAwsError
from localaws.resources import MADE, Resource
from localaws.template import Document, Scope, as_text, broken_rules, in_order, parameter_values

logger = logging.getLogger(__name__)

Client = Callable[..., Any]
"""Makes clients of services: takes the name of one, and maybe the ARN of a role."""


@dataclass
class Standing:
    """A resource of a stack, with the attributes that moto's answers ask for.

    Attributes
    ----------
    logical_resource_id, cf_resource_type
        Its name in the template, and its type.
    retained
        Whether it stays when the stack is deleted.
    physical_resource_id, resource
        What it is once it is made; nothing before.
    """

    logical_resource_id: str
    cf_resource_type: str
    retained: bool
    physical_resource_id: str = ""
    resource: Resource | None = None


@dataclass
class Contents:
    """What a stack consists of, in the place of moto's map of resources.

    Attributes
    ----------
    template, resolved_parameters
        What it was made from.
    standing
        Its resources, in the order in which they were made.
    """

    template: Document
    resolved_parameters: Mapping[str, Any]
    standing: list[Standing] = field(default_factory=list)
    no_echo_parameter_keys: tuple[str, ...] = ()

    def values(self) -> list[Standing]:
        """List the resources."""
        return list(self.standing)

    def build_change_set_actions(self, template: Document) -> dict[str, dict[str, Any]]:
        """List what a change set would change: nothing, as all others are refused."""
        if template != self.template:
            raise ValidationError(message="Stacks are not updated here: rehearse the new template from the beginning.")
        return {}


@dataclass(frozen=True)
class Outputs:
    """The outputs of a stack, in the place of moto's map of them."""

    outputs: list[Output]
    exports: list[Export]

    def values(self) -> list[Output]:
        """List them."""
        return self.outputs


class Plan:
    """A stack that is to be made; all that can be found out beforehand is.

    Parameters
    ----------
    change_set
        Asks for the stack.
    client
        Reads parameters, and makes the resources.

    Raises
    ------
    LocalAwsError
        If the stack can't be made as the change set says.
    """

    def __init__(self, change_set: ChangeSet, client: Client) -> None:
        if change_set.tags:
            raise LocalAwsError("Tags of stacks are not passed on to their resources here: tag the resources.")
        self._stack, self._client = change_set.stack, client
        self._text, self._template = change_set.template, change_set.template_dict
        parameters = parameter_values(self._template, change_set.parameters, self._read_parameter)
        self._contents = Contents(self._template, parameters)
        self._names: dict[str, Any] = {**parameters, **_pseudo_parameters(self._stack)}
        self._attributes: dict[str, Mapping[str, Any]] = {}
        self._scope = Scope(self._names, self._template.get("Conditions", {}), self._attribute)
        if broken := broken_rules(self._template, self._scope):
            raise LocalAwsError(" ".join(broken))
        self._order = in_order(self._template, self._scope)
        kinds = {self._template["Resources"][name]["Type"] for name in self._order}
        if unknown := sorted(kinds - MADE.keys()):
            raise LocalAwsError(f"The local CloudFormation does not know resources of type {', '.join(unknown)}.")

    def execute(self) -> None:
        """Make the stack: all of it, or nothing."""
        _put_in_place(self._stack, resource_map=self._contents)
        self._stack.template, self._stack.template_dict = self._text, self._template
        self._stack.description = self._template.get("Description")
        _tell(self._stack, "CREATE_IN_PROGRESS", "User Initiated")
        failed = next((name for name in self._order if not self._make(name)), None)
        reason = f"The following resource(s) failed to create: [{failed}]." if failed else _attempt(self._set_outputs)
        if reason:
            _remove_all(self._stack, "ROLLBACK", f"{reason} Rollback requested by user.")
        else:
            _tell(self._stack, "CREATE_COMPLETE")

    def _make(self, name: str) -> bool:
        document = self._template["Resources"][name]
        standing = Standing(name, document["Type"], retained=document.get("DeletionPolicy") == "Retain")
        self._contents.standing.append(standing)
        _tell(self._stack, "CREATE_IN_PROGRESS", of=standing)
        reason = _attempt(lambda: self._make_resource(standing, document.get("Properties", {})))
        _tell(self._stack, "CREATE_FAILED" if reason else "CREATE_COMPLETE", reason, of=standing)
        return not reason

    def _make_resource(self, standing: Standing, properties: Document) -> None:
        name, kind = standing.logical_resource_id, standing.cf_resource_type
        resource = Resource(self._stack.name, name, kind, self._scope.evaluate(properties), self._client)
        standing.resource = resource
        made = MADE[kind](resource)
        standing.physical_resource_id = made.physical_id
        self._names[name], self._attributes[name] = made.physical_id, made.attributes
        resource.insist_on_all_taken()

    def _attribute(self, name: str, attribute: str) -> Any:  # noqa: ANN401 -- as the resource has it
        if attribute not in self._attributes.get(name, {}):
            raise LocalAwsError(f"The local CloudFormation does not know the attribute {attribute} of {name}.")
        return self._attributes[name][attribute]

    def _read_parameter(self, name: str) -> str:
        return str(self._client("ssm").get_parameter(Name=name)["Parameter"]["Value"])

    def _set_outputs(self) -> None:
        outputs, exports = [], []
        for name, output in self._template.get("Outputs", {}).items():
            if "Condition" in output and not self._scope.holds({"Condition": output["Condition"]}):
                continue
            value = as_text(self._scope.evaluate(output["Value"]))
            outputs.append(Output(name, value, output.get("Description")))
            if "Export" in output:
                exports.append(Export(self._stack.stack_id, self._scope.evaluate(output["Export"]["Name"]), value))
        _put_in_place(self._stack, output_map=Outputs(outputs, exports))


def delete(stack: Stack) -> None:
    """Delete what stands of a stack, the last first; what fails is told in its events, and may be tried again.

    Raises
    ------
    ValidationError
        If it is protected.
    """
    if stack.enable_termination_protection:
        raise ValidationError(message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    _remove_all(stack, "DELETE", "User Initiated")


def _remove_all(stack: Stack, operation: str, reason: str) -> None:
    _tell(stack, f"{operation}_IN_PROGRESS", reason)
    remaining = standing_of(stack)
    while remaining:
        standing = remaining[-1]
        if not _remove(stack, standing):
            failed = f"The following resource(s) failed to delete: [{standing.logical_resource_id}]."
            _tell(stack, f"{operation}_FAILED", failed)
            return
        remaining.pop()
    _tell(stack, f"{operation}_COMPLETE")


def _remove(stack: Stack, standing: Standing) -> bool:
    if standing.retained:
        _tell(stack, "DELETE_SKIPPED", of=standing)
        return True
    _tell(stack, "DELETE_IN_PROGRESS", of=standing)
    reason = _attempt(standing.resource.remove) if standing.resource else None
    _tell(stack, "DELETE_FAILED" if reason else "DELETE_COMPLETE", reason, of=standing)
    return not reason


def is_begun(stack: Stack) -> bool:
    """Say whether anything was ever made of a stack; moto has one as soon as a change set asks for it."""
    contents: Any = stack.resource_map
    return isinstance(contents, Contents)


def standing_of(stack: Stack) -> list[Standing]:
    """Return what stands of a stack."""
    contents: Any = stack.resource_map
    return contents.standing if isinstance(contents, Contents) else []


def _put_in_place(stack: Stack, **parts: Contents | Outputs) -> None:
    """Put parts of ours in the place of moto's; they have what moto's answers ask for, but are no relatives of them."""
    for name, part in parts.items():
        setattr(stack, name, part)


def _attempt(step: Callable[[], None]) -> str | None:
    """Take a step.

    Returns
    -------
    str or None
        Why it could not be taken; None if it could.
    """
    try:
        step()
    except (LocalAwsError, ClientError, BotoCoreError) as error:
        return str(error)
    except Exception as error:  # whatever it is: the stack has to say so, or the CDK CLI would ask for it again
        logger.exception("A resource can't be made or removed")
        return f"{type(error).__name__}: {error}"
    return None


def _tell(stack: Stack, status: str, reason: str | None = None, *, of: Standing | None = None) -> None:
    """Tell an event of a stack, or of one of its resources."""
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
