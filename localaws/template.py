"""CloudFormation templates: evaluation of their functions, and the order of their resources, without any state.

An unknown element is an error: a template must not be deployed in parts.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

import yaml  # type: ignore[import-untyped] # it publishes no types

from localaws.account import LocalAwsError, refuse_unknown

Document = Mapping[str, Any]

NO_VALUE = object()
"""Value of ``AWS::NoValue``: a property or list item that has it is removed."""

KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""Stands in a change set for the name, and for the attributes, of a resource that does not exist yet."""

LONGEST_SPLIT = 16
"""Number of parts that such a value is taken to have."""

_SECTIONS = {
    *("AWSTemplateFormatVersion", "Conditions", "Description", "Metadata", "Outputs", "Parameters", "Resources"),
    "Rules",
}
_RESOURCE = {"Condition", "DeletionPolicy", "DependsOn", "Metadata", "Properties", "Type", "UpdateReplacePolicy"}
_POLICIES = {
    "DeletionPolicy": {"Delete", "Retain", "RetainExceptOnCreate"},
    "UpdateReplacePolicy": {"Delete", "Retain"},
}
_OUTPUT = {"Condition", "Description", "Export", "Value"}


def read(text: str) -> Document:
    """Read a template in JSON or YAML.

    Raises
    ------
    LocalAwsError
        If it has a section, or an attribute of a resource or output, that is not known here.
    """
    # PyYAML reads JSON, too, but takes seconds where the JSON reader takes milliseconds.
    document: Document = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    refuse_unknown(document, _SECTIONS, "templates")
    for name, resource in document.get("Resources", {}).items():
        refuse_unknown(resource, _RESOURCE, f"resources ({name})")
        for policy, known in _POLICIES.items():
            if resource.get(policy, "Delete") not in known:
                raise LocalAwsError(f"The {policy} {resource[policy]} of {name} is not known here.")
    for name, output in document.get("Outputs", {}).items():
        refuse_unknown(output, _OUTPUT, f"outputs ({name})")
    return document


@dataclass(frozen=True)
class Scope:
    """The values that the functions of a template refer to.

    Attributes
    ----------
    values
        Name → value of a parameter or pseudo parameter, or physical id of a resource.
    conditions
        Conditions section of the template.
    attribute
        Function that returns an attribute of a resource; takes their names.
    """

    values: Mapping[str, Any]
    conditions: Document = field(default_factory=dict)
    attribute: Callable[[str, str], Any] = lambda name, attribute: _unresolved(f"{name}.{attribute}")

    def evaluate(self, value: Any) -> Any:  # noqa: ANN401 -- any part of a template
        """Replace the functions in a part of the template by their results.

        Raises
        ------
        LocalAwsError
            If a function is unknown, or refers to something that does not exist.
        """
        if isinstance(value, list):
            return [result for result in map(self.evaluate, value) if result is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        results = {name: self.evaluate(argument) for name, argument in value.items()}
        return {name: result for name, result in results.items() if result is not NO_VALUE}

    def holds(self, condition: Any) -> bool:  # noqa: ANN401 -- as the template has it
        """Return whether a condition holds."""
        name, argument = next(iter(condition.items()))
        operators: dict[str, Callable[[], bool]] = {
            "Condition": lambda: self.holds(self.conditions[argument]),
            "Fn::Equals": lambda: self.evaluate(argument[0]) == self.evaluate(argument[1]),
            "Fn::Not": lambda: not self.holds(argument[0]),
            "Fn::And": lambda: all(map(self.holds, argument)),
            "Fn::Or": lambda: any(map(self.holds, argument)),
            "Fn::Contains": lambda: self.evaluate(argument[1]) in self.evaluate(argument[0]),
        }
        if name not in operators:
            raise LocalAwsError(f"The local AWS does not know the condition {name}.")
        return operators[name]()

    def _call(self, name: str, argument: Any) -> Any:  # noqa: ANN401 -- any function
        functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::If": lambda choice: self.evaluate(choice[1 if self.holds({"Condition": choice[0]}) else 2]),
            "Fn::Join": lambda parts: parts[0].join(map(as_text, self.evaluate(parts[1]))),
            "Fn::Select": lambda parts: self.evaluate(parts[1])[int(parts[0])],
            "Fn::Split": lambda parts: _split(self.evaluate(parts[1]), parts[0]),
            "Fn::Sub": self._sub,
        }
        if name not in functions:
            raise LocalAwsError(f"The local AWS does not know the function {name}.")
        return functions[name](argument)

    def _ref(self, name: str) -> Any:  # noqa: ANN401 -- a name, or the value of a parameter
        if name == "AWS::NoValue":
            return NO_VALUE
        return self.values[name] if name in self.values else _unresolved(name)

    def _get_att(self, path: str | list[str]) -> Any:  # noqa: ANN401 -- as the resource has it
        name, _, attribute = ".".join(path).partition(".") if isinstance(path, list) else path.partition(".")
        return self.attribute(name, attribute)

    def _sub(self, argument: str | list[Any]) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def substitute(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in own:
                return as_text(self.evaluate(own[name]))
            return as_text(self._get_att(name) if "." in name else self._ref(name))

        return _VARIABLE.sub(substitute, text)


def _split(text: str, separator: str) -> list[str]:
    return [KNOWN_AFTER_APPLY] * LONGEST_SPLIT if KNOWN_AFTER_APPLY in text else text.split(separator)


_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")


def _unresolved(name: str) -> Any:  # noqa: ANN401 -- never returns
    raise LocalAwsError(f"Unresolved resource dependencies [{name}] in the template.")


def as_text(value: Any) -> str:  # noqa: ANN401 -- text, a number or a truth value
    """Convert a value into text as CloudFormation does."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def broken_rules(template: Document, scope: Scope) -> list[str]:
    """Return the descriptions of the rules of a template that do not hold."""
    return [
        assertion["AssertDescription"]
        for rule in template.get("Rules", {}).values()
        if "RuleCondition" not in rule or scope.holds(rule["RuleCondition"])
        for assertion in rule["Assertions"]
        if not scope.holds(assertion["Assert"])
    ]


def in_order(template: Document, scope: Scope) -> list[str]:
    """Return the names of the resources whose conditions hold, each after those that it refers to.

    Raises
    ------
    LocalAwsError
        If a resource refers to something that does not exist, or resources refer to each other in a circle.
    """
    resources = {
        name: resource
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or scope.holds({"Condition": resource["Condition"]})
    }
    elsewhere = scope.values.keys() | template["Resources"].keys() | {"AWS::NoValue"}
    graph: dict[str, list[str]] = {}
    for name, resource in resources.items():
        depended_on = resource.get("DependsOn", [])
        needed = {*_references(resource), *([depended_on] if isinstance(depended_on, str) else depended_on)}
        if unknown := sorted(needed - elsewhere):
            _unresolved(", ".join(unknown))
        graph[name] = sorted(needed & resources.keys())
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise LocalAwsError(f"Circular dependency between resources: {error.args[1]}") from error


def _references(value: Any) -> Iterator[str]:  # noqa: ANN401 -- any part of a template
    """Yield the names that a part of the template refers to."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    if not isinstance(value, dict):
        return
    for name, argument in value.items():
        if name == "Ref":
            yield argument
        elif name == "Fn::GetAtt":
            yield (argument if isinstance(argument, list) else argument.split("."))[0]
        elif name == "Fn::Sub":
            text, own = (argument, {}) if isinstance(argument, str) else argument
            yield from (
                variable.partition(".")[0]
                for literal, variable in _VARIABLE.findall(text)
                if not literal and variable not in own
            )
            yield from _references(own)
        elif name != "Metadata":
            yield from _references(argument)


def parameter_values(template: Document, given: Mapping[str, str], look_up: Callable[[str], str]) -> dict[str, Any]:
    """Return the values of a template's parameters.

    Parameters
    ----------
    given
        Name → value, for parameters that do not have their default.
    look_up
        Function that reads a parameter of the Parameter Store.

    Raises
    ------
    LocalAwsError
        If a parameter has no value, an invalid value, or an unknown type.
    """
    parameters = template.get("Parameters", {})
    if unknown := sorted(given.keys() - parameters.keys()):
        raise LocalAwsError(f"Parameters: [{', '.join(unknown)}] do not exist in the template.")
    return {
        name: _parameter(name, one, given.get(name, one.get("Default")), look_up) for name, one in parameters.items()
    }


def _parameter(name: str, parameter: Document, value: str | None, look_up: Callable[[str], str]) -> Any:  # noqa: ANN401 -- text, or several
    if value is None:
        raise LocalAwsError(f"Parameters: [{name}] must have values.")
    if value not in parameter.get("AllowedValues", [value]) or not re.fullmatch(
        parameter.get("AllowedPattern", ".*"), value, re.DOTALL
    ):
        raise LocalAwsError(f"The parameter {name} must not be {value!r}.")
    readers: dict[str, Callable[[str], Any]] = {
        "String": str,
        "CommaDelimitedList": lambda text: text.split(","),
        "AWS::SSM::Parameter::Value<String>": look_up,
    }
    if parameter["Type"] not in readers:
        raise LocalAwsError(f"The local AWS does not know parameters of type {parameter['Type']} ({name}).")
    return readers[parameter["Type"]](value)
