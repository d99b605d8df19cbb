"""Templates are evaluated as CloudFormation does it, and what is not known is refused."""

import json
from typing import Any

import pytest

from localaws.template import Scope, TemplateError, broken_rules, in_order, parameter_values, read

SCOPE = Scope(
    {"AWS::Region": "eu-west-1", "Table": "fruits-table", "Names": ["a", "b"]},
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
        ({"Ref": "Table"}, "fruits-table"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "<Arn of Table>"),
        ({"Fn::GetAtt": "Table.Stream.Arn"}, "<Stream.Arn of Table>"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Table"}, 1, True]]}, "a-fruits-table-1-true"),
        ({"Fn::Sub": "${AWS::Region}/${Table.Arn}/${!literal}"}, "eu-west-1/<Arn of Table>/${literal}"),
        ({"Fn::Sub": ["${Own}-${Table}", {"Own": {"Ref": "AWS::Region"}}]}, "eu-west-1-fruits-table"),
        ({"Fn::If": ["InEurope", "yes", {"Ref": "Nothing"}]}, "yes"),
        ({"Fn::If": ["Never", "yes", "no"]}, "no"),
        ({"Fn::Select": ["1", {"Ref": "Names"}]}, "b"),
        ({"Fn::Split": ["-", {"Ref": "Table"}]}, ["fruits", "table"]),
        ({"kept": 1, "dropped": {"Ref": "AWS::NoValue"}}, {"kept": 1}),
        ([1, {"Ref": "AWS::NoValue"}], [1]),
    ],
)
def test_functions_are_replaced_by_their_results(expression: object, value: object) -> None:
    """Each as in the documentation of CloudFormation, wherever they stand."""
    assert SCOPE.evaluate({"deep": [expression]}) == {"deep": [value]}


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ({"Fn::ImportValue": "x"}, "does not know the function Fn::ImportValue"),
        ({"Ref": "Nothing"}, r"Unresolved resource dependencies \[Nothing\]"),
        ({"Fn::Sub": "${Nothing}"}, r"Unresolved resource dependencies \[Nothing\]"),
    ],
)
def test_what_cant_be_evaluated_is_an_error(expression: object, sentence: str) -> None:
    """Nothing is passed over, nor left as it stands."""
    with pytest.raises(TemplateError, match=sentence):
        SCOPE.evaluate(expression)


def test_a_condition_that_is_not_known_is_an_error() -> None:
    """A rule that can't be judged does not pass."""
    with pytest.raises(TemplateError, match="does not know the condition Fn::EachMemberIn"):
        SCOPE.holds({"Fn::EachMemberIn": [[], []]})


@pytest.mark.parametrize(("region", "broken"), [("eu-west-1", []), ("us-east-1", ["Stay in the EU."])])
def test_rules_are_judged(region: str, broken: list[str]) -> None:
    """Those of our stack forbid Regions and old bootstraps."""
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
    """By reference, by attribute, in a text, or because they say so; what a condition rules out is not there."""
    template = _template(
        Last={"DependsOn": "Third"},
        Third={"Properties": {"Name": {"Fn::Sub": "x-${Second.Arn}"}}},
        Second={"Properties": {"Names": [{"Fn::Join": ["", [{"Fn::GetAtt": ["First", "Arn"]}]]}]}},
        First={"Properties": {"Not": {"Fn::If": ["Never", {"Ref": "Absent"}, "x"]}}},
        Absent={"Condition": "Never", "DependsOn": ["First"]},
    )
    assert in_order(template, SCOPE) == ["First", "Second", "Third", "Last"]


def test_circles_and_dangling_references_are_errors() -> None:
    """Before anything is made."""
    with pytest.raises(TemplateError, match=r"Circular dependency between resources: \['A', 'B', 'A'\]"):
        in_order(_template(A={"DependsOn": ["B"]}, B={"Properties": {"X": {"Ref": "A"}}}), SCOPE)
    with pytest.raises(TemplateError, match=r"Unresolved resource dependencies \[Gone\]"):
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
def test_parts_that_are_not_known_are_refused(template: dict[str, Any], sentence: str) -> None:
    """A template is not deployed by halves."""
    with pytest.raises(TemplateError, match=sentence):
        read(json.dumps(template))


def test_yaml_is_read_as_well() -> None:
    """As the template of `cdk bootstrap` is written in it."""
    assert read("Resources:\n  A:\n    Type: A::B::C\n") == _template(A={})


def test_parameters_have_values() -> None:
    """Given, by default, several in one text, or looked up in the Parameter Store."""
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
        ({"Type": "String", "AllowedValues": ["a"]}, {"P": "b"}, "P may not be 'b'"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, {"P": "B"}, "P may not be 'B'"),
        ({"Type": "Number"}, {"P": "1"}, "does not know parameters of type Number"),
        ({"Type": "String", "Default": ""}, {"Q": "1"}, r"\[Q\] do not exist"),
    ],
)
def test_parameters_that_cant_be_are_refused(parameter: dict[str, Any], given: dict[str, str], sentence: str) -> None:
    """The sentence names the parameter."""
    with pytest.raises(TemplateError, match=sentence):
        parameter_values({"Parameters": {"P": parameter}}, given, str)
