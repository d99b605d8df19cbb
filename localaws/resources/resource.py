"""A resource of a stack: its properties, its name, and the steps that undo its creation."""

import json
import secrets
import string
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from localaws.account import LocalAwsError, refuse_unknown

SUFFIX = 12
"""Number of random characters at the end of a generated name."""


@dataclass(frozen=True)
class Made:
    """A created or updated resource.

    Attributes
    ----------
    physical_id
        Value of ``Ref``.
    attributes
        Values of ``Fn::GetAtt``.
    """

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Owner:
    """The stack that a resource belongs to, with what makers need of the local AWS.

    Attributes
    ----------
    client
        Function that returns the client of a service; takes its name, and optionally the ARN of a role.
    ask
        Function that sends a request to the function of a custom resource, and returns the function's answer.
    """

    stack: str
    stack_id: str
    client: Callable[..., Any]
    ask: Callable[[Mapping[str, Any], float], Mapping[str, Any]]


@dataclass(frozen=True)
class Step:
    """A step that undoes a part of a resource.

    Attributes
    ----------
    key
        What the step undoes: two steps with the same key undo the same.
    """

    key: Hashable
    call: Callable[[], object]


class Resource:
    """A resource to be created or updated. Its maker must take each property: the others would have no effect.

    Parameters
    ----------
    logical_id, kind
        Name in the template, and type.
    properties
        Properties without functions.
    before
        The same resource before its update; `None` if it is to be created.
    """

    def __init__(
        self,
        owner: Owner,
        logical_id: str,
        kind: str,
        properties: Mapping[str, Any],
        before: "Resource | None" = None,
    ) -> None:
        self.owner = owner
        self.logical_id = logical_id
        self.kind = kind
        self.properties = properties
        self.before = before
        self.made: Made | None = before.made if before else None
        self._left = dict(properties)
        self._remembered: dict[str, Any] = dict(before._remembered) if before else {}  # noqa: SLF001 -- another one of the class
        self._steps: list[Step] = []

    @property
    def physical_id(self) -> str:
        """Value of ``Ref``; empty until the resource is created."""
        return self.made.physical_id if self.made else ""

    @property
    def client(self) -> Callable[..., Any]:
        """Function that returns the client of a service."""
        return self.owner.client

    def take(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 -- as the template has it
        """Take an optional property."""
        return self._left.pop(name, default)

    def require(self, name: str) -> Any:  # noqa: ANN401 -- as the template has it
        """Take a required property.

        Raises
        ------
        LocalAwsError
            If the template does not have it.
        """
        if name not in self._left:
            raise LocalAwsError(f"{self.kind} needs the property {name}.")
        return self._left.pop(name)

    def take_all(self, names: str) -> dict[str, Any]:
        """Take the optional properties with these names, separated by blanks, as keyword arguments of a call."""
        return {name: self._left.pop(name) for name in names.split() if name in self._left}

    def name(self, property_name: str, *, longest: int) -> str:
        """Take the property with the name of the resource, or generate a name."""
        return str(self.take(property_name) or self.generate_name(longest))

    def tag_list(self) -> list[dict[str, str]]:
        """Take the tags as a list of keys and values."""
        return list(self.take("Tags", []))

    def tags(self) -> dict[str, str]:
        """Take the tags as a mapping."""
        return {tag["Key"]: tag["Value"] for tag in self.tag_list()}

    def require_all_taken(self) -> None:
        """Check that no property is left.

        Raises
        ------
        LocalAwsError
            If the maker has not taken a property.
        """
        refuse_unknown(self._left, (), self.kind)

    def require_absent(self, name: str, find: Callable[..., Any], **arguments: Any) -> None:  # noqa: ANN401 -- of any call
        """Check, before a creation, that no resource has this name: some services would overwrite it.

        Parameters
        ----------
        find
            Call with `arguments` that fails, or returns nothing, if there is no such resource.

        Raises
        ------
        LocalAwsError
            If there is one.
        """
        if self.before is not None:
            return
        with suppress(ClientError):
            found = find(**arguments)
            if any(value for key, value in found.items() if key != "ResponseMetadata"):
                raise LocalAwsError(f"Resource of type '{self.kind}' with identifier '{name}' already exists.")

    def remember(self, key: str, find: Callable[[], Any]) -> Any:  # noqa: ANN401 -- what `find` returns
        """Return what was found when the resource was created; updates get the same value."""
        if key not in self._remembered:
            self._remembered[key] = find()
        return self._remembered[key]

    def generate_name(self, longest: int) -> str:
        """Generate a unique name from those of the stack and of the resource, as CloudFormation does."""

        def generate() -> str:
            suffix = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(SUFFIX))
            return f"{f'{self.owner.stack}-{self.logical_id}'[: longest - SUFFIX - 1].rstrip('-')}-{suffix}"

        return str(self.remember("name", generate))

    def undo(self, call: Callable[..., object], **arguments: Any) -> None:  # noqa: ANN401 -- of any call
        """Register the call that undoes the last step: for the removal, and for a creation that fails later.

        A maker registers all steps again in an update. Those that it no longer registers are taken after the update.
        """
        key = (call, json.dumps(arguments, sort_keys=True, default=repr))
        self._steps.append(Step(key, lambda: call(**arguments)))

    def undo_as(self, key: Hashable, call: Callable[[], object]) -> None:
        """Register a call like `undo` does; it replaces the call that had the same key before an update."""
        self._steps.append(Step(key, call))

    def remove(self) -> None:
        """Undo all steps, the last one first; after a failure, the next call continues with the step that failed."""
        while self._steps:
            self._steps[-1].call()
            self._steps.pop()

    def keep_steps_before(self) -> None:
        """Keep the steps from before an update that has failed, so that nothing is forgotten."""
        self._steps = [*self.steps_left_over(), *self._steps]

    def settle(self) -> list[Step]:
        """End an update: forget what was before, and return the steps that are left over."""
        steps, self.before = self.steps_left_over(), None
        return steps

    def steps_left_over(self) -> list[Step]:
        """Return the steps from before the update that would undo what the resource no longer has."""
        now = {step.key for step in self._steps}
        return [step for step in (self.before._steps if self.before else ()) if step.key not in now]  # noqa: SLF001 -- another one of the class


Maker = Callable[[Resource], Made]
"""Creates a resource by calls of its service, or updates it if `Resource.before` is set."""


def as_lower_camel(value: Any) -> Any:  # noqa: ANN401 -- any property
    """Convert the names in a property for services whose names begin with a small letter."""
    if isinstance(value, list):
        return [as_lower_camel(item) for item in value]
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: as_lower_camel(item) for name, item in value.items()}
    return value


def only(document: Mapping[str, Any], *known: str) -> dict[str, Any]:
    """Return the parts of a property.

    Raises
    ------
    LocalAwsError
        If the property has a part that is not in `known`.
    """
    refuse_unknown(document, known, str(dict(document)))
    return dict(document)
