"""A resource of a stack: its properties, its name, and the steps that undo its creation."""

import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localaws.account import LocalAwsError, refuse_unknown

SUFFIX = 12
"""Number of random characters at the end of a generated name."""


@dataclass(frozen=True)
class Made:
    """A created resource.

    Attributes
    ----------
    physical_id
        Value of ``Ref``.
    attributes
        Values of ``Fn::GetAtt``.
    """

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Resource:
    """A resource to be created. Its maker must take each of its properties: the others would have no effect.

    Parameters
    ----------
    stack, logical_id, kind
        Name of the stack, name in the template, and type.
    properties
        Properties without functions.
    client
        Function that returns the client of a service; takes its name, and optionally the ARN of a role.
    """

    def __init__(
        self, stack: str, logical_id: str, kind: str, properties: Mapping[str, Any], client: Callable[..., Any]
    ) -> None:
        self.logical_id = logical_id
        self.kind = kind
        self.client = client
        self._stack = stack
        self._properties = dict(properties)
        self._undo: list[Callable[[], object]] = []

    def take(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 -- as the template has it
        """Take an optional property."""
        return self._properties.pop(name, default)

    def require(self, name: str) -> Any:  # noqa: ANN401 -- as the template has it
        """Take a required property.

        Raises
        ------
        LocalAwsError
            If the template does not have it.
        """
        if name not in self._properties:
            raise LocalAwsError(f"{self.kind} needs the property {name}.")
        return self._properties.pop(name)

    def take_all(self, names: str) -> dict[str, Any]:
        """Take the optional properties with these names, separated by blanks, as keyword arguments of a call."""
        return {name: self._properties.pop(name) for name in names.split() if name in self._properties}

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
        refuse_unknown(self._properties, (), self.kind)

    def generate_name(self, longest: int) -> str:
        """Generate a unique name from those of the stack and of the resource, as CloudFormation does."""
        suffix = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(SUFFIX))
        return f"{f'{self._stack}-{self.logical_id}'[: longest - SUFFIX - 1].rstrip('-')}-{suffix}"

    def undo(self, call: Callable[..., object], **arguments: Any) -> None:  # noqa: ANN401 -- of any call
        """Register the call that undoes the last step, for the removal and for a creation that fails later."""
        self._undo.append(lambda: call(**arguments))

    def remove(self) -> None:
        """Undo all steps, the last one first; after a failure, the next call continues with the step that failed."""
        while self._undo:
            self._undo[-1]()
            self._undo.pop()


Maker = Callable[[Resource], Made]
"""Creates a resource by calls of its service."""


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
