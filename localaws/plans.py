"""What a change set does to a stack: checked, as far as it can be, before anything is done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.cloudformation.models import Change, ChangeSet, Stack
from moto.cloudformation.parsing import Export, Output

from localaws.account import ACCOUNT, REGION, LocalAwsError
from localaws.resources import CUSTOM, Effect, Made, Owner, effect_of, maker_of
from localaws.stacks import UPDATABLE, StackContents, StackOutputs, StackResource, contents_of, is_begun
from localaws.template import KNOWN_AFTER_APPLY, Scope, as_text, broken_rules, in_order, parameter_values

Client = Callable[..., Any]
"""Returns the client of a service; takes its name, and optionally the ARN of a role."""


@dataclass(frozen=True)
class PlannedChange:
    """A change of a resource."""

    name: str
    kind: str
    action: str
    replaces: bool = False

    def as_moto(self) -> Change:
        """Return the change as moto keeps it; moto writes these attributes into its answer."""
        change: Any = Change(self.action, self.name, self.kind)
        if self.action == "Modify":
            change.replacement = str(self.replaces)
        return change  # type: ignore[no-any-return] # Any, because moto's class does not declare `replacement`


class Plan:
    """The creation or the update of a stack by a change set.

    Attributes
    ----------
    order
        Names of the resources, each after those that it refers to.

    Raises
    ------
    LocalAwsError
        If the stack can't be created or updated as the change set says.
    """

    def __init__(self, change_set: ChangeSet, owner: Owner) -> None:
        if change_set.tags:
            raise LocalAwsError("Tags of stacks are not passed on to their resources here: tag the resources.")
        self.stack, self.owner = change_set.stack, owner
        if is_begun(self.stack) and self.stack.status not in UPDATABLE:
            raise LocalAwsError(f"Stack:{self.stack.stack_id} is in {self.stack.status} state and can not be updated.")
        self.text, self.template = change_set.template, change_set.template_dict
        self.parameters = change_set.parameters
        values = parameter_values(self.template, self.parameters, self._read_parameter)
        self._names: dict[str, Any] = {**values, **_pseudo_parameters(self.stack)}
        self._attributes: dict[str, Mapping[str, Any] | None] = {}
        self._scope = Scope(self._names, self.template.get("Conditions", {}), self._attribute)
        if broken := broken_rules(self.template, self._scope):
            raise LocalAwsError(" ".join(broken))
        self.order = in_order(self.template, self._scope)
        for name in self.order:
            maker_of(self.template["Resources"][name]["Type"])

    def changes(self) -> list[PlannedChange]:
        """Compare the template with the resources of the stack.

        Raises
        ------
        LocalAwsError
            If the local AWS can't make a change.
        """
        existing = {one.logical_resource_id: one for one in contents_of(self.stack).existing}
        changes = []
        for name in self.order:
            effect = self.effect(existing.get(name), name)
            one = existing.get(name)
            self.know(name, self._foreseen(one, effect))
            if effect is not Effect.NOTHING:
                action = "Modify" if one else "Add"
                changes.append(PlannedChange(name, self.kind(name), action, effect is Effect.REPLACEMENT))
        gone = [one for name, one in existing.items() if name not in self.order]
        return [*changes, *(PlannedChange(one.logical_resource_id, one.cf_resource_type, "Remove") for one in gone)]

    def _foreseen(self, before: StackResource | None, effect: Effect) -> Made | None:
        """Return what is known of a resource before the change; functions change the values of custom resources."""
        if before is None or before.resource is None or effect is Effect.REPLACEMENT:
            return None
        is_custom = before.cf_resource_type.startswith(CUSTOM)
        return None if is_custom and effect is Effect.UPDATE else before.resource.made

    def effect(self, before: StackResource | None, name: str) -> Effect:
        """Return what the change set does to a resource; the creation of a new one is an update here.

        Raises
        ------
        LocalAwsError
            If its type changes, or if the local AWS can't make the change.
        """
        properties = self.properties(name)
        if before is None or before.resource is None:
            return Effect.UPDATE
        if before.cf_resource_type != self.kind(name):
            raise LocalAwsError(
                "Update of resource type is not permitted. The new template modifies resource type of the following "
                f"resources: [{name}]"
            )
        return effect_of(self.kind(name), before.resource.properties, properties)

    def kind(self, name: str) -> str:
        """Return the type of a resource."""
        return str(self.template["Resources"][name]["Type"])

    def properties(self, name: str) -> Mapping[str, Any]:
        """Evaluate the properties of a resource."""
        evaluated: Mapping[str, Any] = self._scope.evaluate(self.template["Resources"][name].get("Properties", {}))
        return evaluated

    def know(self, name: str, made: Made | None) -> None:
        """Let other resources refer to a resource; `None` if its values are not known yet."""
        self._names[name] = made.physical_id if made else KNOWN_AFTER_APPLY
        self._attributes[name] = made.attributes if made else None

    def _attribute(self, name: str, attribute: str) -> Any:  # noqa: ANN401 -- as the resource has it
        attributes = self._attributes.get(name, {})
        if attributes is None:
            return KNOWN_AFTER_APPLY
        if attribute not in attributes:
            raise LocalAwsError(f"The local AWS does not know the attribute {attribute} of {name}.")
        return attributes[attribute]

    def _read_parameter(self, name: str) -> str:
        return str(self.owner.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])

    def is_same(self) -> bool:
        """Return whether template and parameters are those of the stack."""
        before, now = contents_of(self.stack), self.contents()
        return (before.template, before.resolved_parameters) == (now.template, now.resolved_parameters)

    def outputs(self) -> StackOutputs:
        """Evaluate the outputs."""
        outputs = StackOutputs()
        for name, output in self.template.get("Outputs", {}).items():
            if "Condition" in output and not self._scope.holds({"Condition": output["Condition"]}):
                continue
            value = as_text(self._scope.evaluate(output["Value"]))
            outputs[name] = Output(name, value, output.get("Description"))
            if "Export" in output:
                export = Export(self.stack.stack_id, self._scope.evaluate(output["Export"]["Name"]), value)
                outputs.exports = (*outputs.exports, export)
        return outputs

    def contents(self) -> StackContents:
        """Return the contents of the stack with the new template, and with the resources that exist."""
        declared = self.template.get("Parameters", {})
        parameters = {name: self.parameters.get(name, one.get("Default")) for name, one in declared.items()}
        return StackContents(self.template, parameters, list(contents_of(self.stack).existing))


def _pseudo_parameters(stack: Stack) -> dict[str, str]:
    return {
        "AWS::AccountId": ACCOUNT,
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        "AWS::StackId": stack.stack_id,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": "amazonaws.com",
    }
