"""What the functions that make resources have in common."""

import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localaws.account import LocalAwsError
from localaws.template import as_text

SUFFIX = 12
"""Characters that CloudFormation adds to a name, so that it is nobody else's."""


@dataclass(frozen=True)
class Made:
    """What a resource is once it is made.

    Attributes
    ----------
    physical_id
        What ``Ref`` gives.
    attributes
        What ``Fn::GetAtt`` gives.
    """

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Resource:
    """A resource that is to be made. Each of its properties must be taken: what nobody takes would be ignored.

    Parameters
    ----------
    stack, logical_id, kind
        Where it belongs, its name there, and its type.
    properties
        With all functions evaluated.
    client
        Makes clients of services: takes its name, and maybe the ARN of a role.
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
        """Take a property that may not be there."""
        return self._properties.pop(name, default)

    def demand(self, name: str) -> Any:  # noqa: ANN401 -- as the template has it
        """Take a property that must be there.

        Raises
        ------
        LocalAwsError
            If it is not.
        """
        if name not in self._properties:
            raise LocalAwsError(f"{self.kind} needs the property {name}.")
        return self._properties.pop(name)

    def same(self, *names: str) -> dict[str, Any]:
        """Take properties that the API knows by the same names; those that are not there are left out."""
        return {name: self._properties.pop(name) for name in names if name in self._properties}

    def tags(self) -> dict[str, str]:
        """Take the tags."""
        return {tag["Key"]: tag["Value"] for tag in self._properties.pop("Tags", [])}

    def insist_on_all_taken(self) -> None:
        """Insist that nothing is ignored.

        Raises
        ------
        LocalAwsError
            If there are properties that nobody took.
        """
        if self._properties:
            names = ", ".join(sorted(self._properties))
            raise LocalAwsError(f"The local CloudFormation does not know the properties of {self.kind}: {names}.")

    def generate_name(self, longest: int) -> str:
        """Generate a name as CloudFormation does for what the template gives none."""
        suffix = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(SUFFIX))
        return f"{f'{self._stack}-{self.logical_id}'[: longest - SUFFIX - 1].rstrip('-')}-{suffix}"

    def undo(self, call: Callable[..., object], **arguments: Any) -> None:  # noqa: ANN401 -- of any call
        """Say how the last step is undone, whether the resource is removed or could not be made to the end."""
        self._undo.append(lambda: call(**arguments))

    def remove(self) -> None:
        """Undo all steps, the last one first; what fails is tried again the next time."""
        while self._undo:
            self._undo[-1]()
            self._undo.pop()


def as_tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Write tags as most services want them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def as_lower_camel(value: Any) -> Any:  # noqa: ANN401 -- any property
    """Write the names in a property as the services want them that begin names with a small letter."""
    if isinstance(value, list):
        return [as_lower_camel(item) for item in value]
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: as_lower_camel(item) for name, item in value.items()}
    return value


def as_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Write values as services want them that know only text."""
    return {name: as_text(value) for name, value in values.items()}


def only(document: Mapping[str, Any], *known: str) -> dict[str, Any]:
    """Read the parts of a property.

    Returns
    -------
    dict
        Those that are there.

    Raises
    ------
    LocalAwsError
        If there are others than these.
    """
    if unknown := sorted(document.keys() - set(known)):
        raise LocalAwsError(f"The local CloudFormation does not know {', '.join(unknown)} of {dict(document)}.")
    return dict(document)
