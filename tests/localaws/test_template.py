"""Templates are evaluated as CloudFormation evaluates them, and unknown elements are refused."""

import json
from typing import Any

import pytest

from localaws.account import LocalAwsError
from localaws.template import Scope, broken_rules, in_order, parameter_values, read

SCOPE = Scope(
    {"AWS::Region": "eu-west-1", "Table": "apples-table", "Names": ["a", "b"]},
    {
        "InEurope": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]},
        "Never": {"Fn::Not": [{"Condition": "InEurope"}]},
    },
    lambda name, attribute: f"<{attribute} of {name}>",
)


def _template(**resources: dict[str, Any]) -> dict[str, Any]:
    return {"Resources": {name: {"Type": "A::B::C", **resource} for name, resource in resources.items()}}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Ref": "Table"}, "apples-table"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "<Arn of Table>"),
        ({"Fn::GetAtt": "Table.Stream.Arn"}, "<Stream.Arn of Table>"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Table"}, 1, True]]}, "a-apples-table-1-true"),
        ({"Fn::Sub": "${AWS::Region}/${Table.Arn}/${!literal}"}, "eu-west-1/<Arn of Table>/${literal}"),
        ({"Fn::Sub": ["${Own}-${Table}", {"Own": {"Ref": "AWS::Region"}}]}, "eu-west-1-apples-table"),
        ({"Fn::If": ["InEurope", "yes", {"Ref": "Nothing"}]}, "yes"),
        ({"Fn::If": ["Never", "yes", "no"]}, "no"),
        ({"Fn::Select": ["1", {"Ref": "Names"}]}, "b"),
        ({"Fn::Split": ["-", {"Ref": "Table"}]}, ["apples", "table"]),
        ({"kept": 1, "dropped": {"Ref": "AWS::NoValue"}}, {"kept": 1}),
        ([1, {"Ref": "AWS::NoValue"}], [1]),
    ],
)
def test_functions_are_replaced_by_their_results(expression: object, value: object) -> None:
    """Each function has the result that CloudFormation documents, at any depth."""
    assert SCOPE.evaluate({"deep": [expression]}) == {"deep": [value]}


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ({"Fn::ImportValue": "x"}, "does not know the function Fn::ImportValue"),
        ({"Ref": "Nothing"}, r"Unresolved resource dependencies \[Nothing\]"),
        ({"Fn::Sub": "${Nothing}"}, r"Unresolved resource dependencies \[Nothing\]"),
    ],
)
def test_an_expression_that_cant_be_evaluated_is_an_error(expression: object, sentence: str) -> None:
    """An unknown function, or a reference to nothing, is not left in the result."""
    with pytest.raises(LocalAwsError, match=sentence):
        SCOPE.evaluate(expression)


def test_an_unknown_condition_is_an_error() -> None:
    """A rule that can't be evaluated does not pass."""
    with pytest.raises(LocalAwsError, match="does not know the condition Fn::EachMemberIn"):
        SCOPE.holds({"Fn::EachMemberIn": [[], []]})


@pytest.mark.parametrize(("region", "broken"), [("eu-west-1", []), ("us-east-1", ["Stay in the EU."])])
def test_rules_are_evaluated(region: str, broken: list[str]) -> None:
    """A rule that does not hold gives its description; one whose condition does not hold gives none."""
    contains = {"Fn::Contains": [["eu-west-1", "eu-west-3"], {"Ref": "AWS::Region"}]}
    rules = {
        "Region": {"Assertions": [{"Assert": contains, "AssertDescription": "Stay in the EU."}]},
        "Elsewhere": {
            "RuleCondition": {"Fn::Equals": [{"Ref": "AWS::Region"}, "mars-1"]},
            "Assertions": [{"Assert": {"Fn::Equals": [1, 2]}, "AssertDescription": "Not looked at."}],
        },
    }
    assert broken_rules({"Rules": rules}, Scope({"AWS::Region": region})) == broken


def test_resources_come_after_what_they_refer_to() -> None:
    """References, attributes, texts and DependsOn count; a resource whose condition does not hold is left out."""
    template = _template(
        Last={"DependsOn": "Third"},
        Third={"Properties": {"Name": {"Fn::Sub": "x-${Second.Arn}"}}},
        Second={"Properties": {"Names": [{"Fn::Join": ["", [{"Fn::GetAtt": ["First", "Arn"]}]]}]}},
        First={"Properties": {"Not": {"Fn::If": ["Never", {"Ref": "Absent"}, "x"]}}},
        Absent={"Condition": "Never", "DependsOn": ["First"]},
    )
    assert in_order(template, SCOPE) == ["First", "Second", "Third", "Last"]


def test_circles_and_dangling_references_are_errors() -> None:
    """They are found before any resource is created."""
    with pytest.raises(LocalAwsError, match=r"Circular dependency between resources: \['A', 'B', 'A'\]"):
        in_order(_template(A={"DependsOn": ["B"]}, B={"Properties": {"X": {"Ref": "A"}}}), SCOPE)
    with pytest.raises(LocalAwsError, match=r"Unresolved resource dependencies \[Gone\]"):
        in_order(_template(A={"DependsOn": "Gone"}), SCOPE)


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ({"Transform": "x", "Resources": {}}, "does not know Transform of templates"),
        (_template(A={"CreationPolicy": {}}), r"does not know CreationPolicy of resources \(A\)"),
        (_template(A={"DeletionPolicy": "Snapshot"}), "The DeletionPolicy Snapshot of A"),
        ({"Resources": {}, "Outputs": {"O": {"Valeu": 1}}}, r"does not know Valeu of outputs \(O\)"),
    ],
)
def test_unknown_elements_are_refused(template: dict[str, Any], sentence: str) -> None:
    """A template is not deployed in parts."""
    with pytest.raises(LocalAwsError, match=sentence):
        read(json.dumps(template))


def test_yaml_is_read() -> None:
    """The template of `cdk bootstrap` is YAML."""
    assert read("Resources:\n  A:\n    Type: A::B::C\n") == _template(A={})


def test_parameters_have_values() -> None:
    """A value is given, the default, a list in one text, or read from the Parameter Store."""
    parameters = {
        "Given": {"Type": "String", "Default": "no"},
        "Default": {"Type": "String", "Default": "yes", "AllowedValues": ["yes", "no"]},
        "Several": {"Type": "CommaDelimitedList", "Default": "a,b"},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/version"},
    }
    values = parameter_values({"Parameters": parameters}, {"Given": "x"}, lambda name: f"<{name}>")
    assert values == {"Given": "x", "Default": "yes", "Several": ["a", "b"], "Stored": "</version>"}


@pytest.mark.parametrize(
    ("parameter", "given", "sentence"),
    [
        ({"Type": "String"}, {}, r"\[P\] must have values"),
        ({"Type": "String", "AllowedValues": ["a"]}, {"P": "b"}, "P must not be 'b'"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, {"P": "B"}, "P must not be 'B'"),
        ({"Type": "Number"}, {"P": "1"}, "does not know parameters of type Number"),
        ({"Type": "String", "Default": ""}, {"Q": "1"}, r"\[Q\] do not exist"),
    ],
)
def test_wrong_parameters_are_refused(parameter: dict[str, Any], given: dict[str, str], sentence: str) -> None:
    """The message names the parameter."""
    with pytest.raises(LocalAwsError, match=sentence):
        parameter_values({"Parameters": {"P": parameter}}, given, str)
