"""Functions make custom resources: CloudFormation sends them requests, and they put their answers to a URL."""

import io
import json
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localaws.account import OWN_PAGES
from localaws.host import Host
from localaws.sandbox import PYTHON
from tests.localaws.stack import STACK, DeployedStack

CODE = """
import json, urllib.request

def handler(event, context):
    properties = event["ResourceProperties"]
    with open(properties["Trail"], "a") as trail:
        print(json.dumps(event), file=trail)
    order = json.loads(properties["Orders"]).get(event["RequestType"], {})
    if "raise" in order:
        raise ValueError(order["raise"])
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "SUCCESS", "PhysicalResourceId": event.get("PhysicalResourceId", "first"), **order}
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT"))
"""
"""A function that notes its requests in a file, and answers as the properties of the resource order."""

ROLE = {
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}],
    "Version": "2012-10-17",
}

CODE_PLACE = {"S3Bucket": "code", "S3Key": "code.zip"}


@pytest.fixture
def code(stack: DeployedStack) -> Iterator[None]:
    """Store the code of the function in a bucket."""
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.writestr("handler.py", CODE)
    s3 = stack.aws.client("s3")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="code", Key="code.zip", Body=bundle.getvalue())
    yield
    s3.delete_object(Bucket="code", Key="code.zip")
    s3.delete_bucket(Bucket="code")


@dataclass(frozen=True)
class Custom:
    """A stack with a custom resource `Own`, its function, and a file with the requests."""

    stack: DeployedStack
    trail: Path

    def template(self, orders: dict[str, Any] | None = None, **properties: object) -> dict[str, Any]:
        """Return a template whose function follows orders: type of request → its answer."""
        function = {
            "Code": CODE_PLACE,
            "Handler": "handler.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Runtime": PYTHON,
            "Timeout": 30,
        }
        own = {
            "ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]},
            "Trail": str(self.trail),
            "Orders": json.dumps(orders or {}),
            **properties,
        }
        resources = {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": ROLE}},
            "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Own": {"Type": "Custom::Own", "Properties": own},
        }
        return {"Resources": resources, "Outputs": {"Own": {"Value": {"Ref": "Own"}}}}

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests so far."""
        return [json.loads(line) for line in self.trail.read_text().splitlines()]

    def told(self) -> list[tuple[str, str | None]]:
        """Return type and physical id of the requests so far."""
        return [(request["RequestType"], request.get("PhysicalResourceId")) for request in self.requests()]


@pytest.fixture
def custom(stack: DeployedStack, code: None, tmp_path: Path) -> Custom:  # noqa: ARG001 -- the bucket must exist
    """Return a stack that does not exist yet."""
    trail = tmp_path / "trail"
    trail.touch()
    return Custom(stack, trail)


def test_a_function_creates_updates_and_deletes_a_custom_resource(custom: Custom) -> None:
    """It gets the properties as texts; its data are the attributes of the resource."""
    made = {"Create": {"Data": {"Colour": "red"}}, "Update": {"Data": {"Colour": "blue"}}}
    template = custom.template(made, Number=1, Truth=True, Parts=[{"Size": 2.5}])
    template["Outputs"]["Colour"] = {"Value": {"Fn::GetAtt": ["Own", "Colour"]}}
    stack = custom.stack
    assert stack.create(template) == "CREATE_COMPLETE"
    assert stack.outputs() == {"Own": "first", "Colour": "red"}
    [request] = custom.requests()
    stack_id = stack.describe()["StackId"]
    assert request.pop("ResponseURL").startswith(f"{stack.aws.endpoint}{OWN_PAGES}")
    assert request.pop("RequestId")
    properties = request.pop("ResourceProperties")
    assert request == {
        "RequestType": "Create",
        "StackId": stack_id,
        "ResourceType": "Custom::Own",
        "LogicalResourceId": "Own",
    }
    assert (properties["Number"], properties["Truth"], properties["Parts"]) == ("1", "true", [{"Size": "2.5"}])
    assert properties["ServiceToken"].endswith(stack.resource("Function"))
    template["Resources"]["Own"]["Properties"]["Number"] = 2
    assert stack.update(template) == "UPDATE_COMPLETE"
    assert stack.outputs() == {"Own": "first", "Colour": "blue"}
    update = custom.requests()[-1]
    assert update["PhysicalResourceId"] == "first"
    assert update["ResourceProperties"] == {**properties, "Number": "2"}
    assert update["OldResourceProperties"] == properties
    assert stack.delete() == "DELETE_COMPLETE"
    assert custom.told() == [("Create", None), ("Update", "first"), ("Delete", "first")]
    assert custom.requests()[-1]["ResourceProperties"]["Number"] == "2"


def test_another_physical_id_leads_to_the_deletion_of_the_old_one(custom: Custom) -> None:
    """It comes in the cleanup, with the old properties; the deletion of the stack then deletes the new one."""
    stack = custom.stack
    stack.create(custom.template())
    assert stack.update(custom.template({"Update": {"PhysicalResourceId": "second"}})) == "UPDATE_COMPLETE"
    assert stack.outputs() == {"Own": "second"}
    assert custom.told() == [("Create", None), ("Update", "first"), ("Delete", "first")]
    assert custom.requests()[-1]["ResourceProperties"]["Orders"] == "{}"
    told = stack.last_operation()
    assert told.index(f"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS {STACK}") < told.index("DELETE_COMPLETE Own")
    assert stack.delete() == "DELETE_COMPLETE"
    assert custom.told()[3:] == [("Delete", "second")]


@pytest.mark.parametrize("named", [True, False])
def test_a_creation_that_the_function_fails_rolls_back(custom: Custom, *, named: bool) -> None:
    """An event has the reason; the function is asked to delete what it has named."""
    failed = {"Status": "FAILED", "Reason": "no room", **({} if named else {"PhysicalResourceId": None})}
    assert custom.stack.create(custom.template({"Create": failed})) == "ROLLBACK_COMPLETE"
    [reason] = custom.stack.reasons("CREATE_FAILED")
    assert reason.startswith("Received response status [FAILED] from custom resource. Message returned: no room (Req")
    assert custom.told() == [("Create", None), *([("Delete", "first")] if named else [])]
    assert custom.stack.delete() == "DELETE_COMPLETE"


def test_an_update_that_the_function_fails_rolls_back(custom: Custom) -> None:
    """The function is asked to update the resource to its old properties."""
    stack = custom.stack
    stack.create(custom.template())
    failing = custom.template({"Update": {"Status": "FAILED", "Reason": "too late"}})
    assert stack.update(failing) == "UPDATE_ROLLBACK_COMPLETE"
    assert "too late" in stack.reasons("UPDATE_FAILED")[0]
    assert custom.told() == [("Create", None), ("Update", "first"), ("Update", "first")]
    back = custom.requests()[-1]
    assert back["ResourceProperties"]["Orders"] == "{}"
    assert "too late" in back["OldResourceProperties"]["Orders"]
    assert stack.delete() == "DELETE_COMPLETE"


def test_another_physical_id_is_deleted_when_the_update_rolls_back(custom: Custom) -> None:
    """A resource after it fails: the function goes back to the first id, and then the second one is deleted."""
    stack = custom.stack
    before = custom.template({"Update": {"PhysicalResourceId": "first"}})
    stack.create(before)
    after = custom.template({"Update": {"PhysicalResourceId": "second"}})
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": "long"}, "DependsOn": "Own"}
    after["Resources"]["Broken"] = group
    assert stack.update(after) == "UPDATE_ROLLBACK_COMPLETE"
    assert custom.told()[1:] == [("Update", "first"), ("Update", "second"), ("Delete", "second")]
    assert stack.outputs() == {"Own": "first"}
    assert stack.delete() == "DELETE_COMPLETE"
    assert custom.told()[4:] == [("Delete", "first")]


def test_a_function_that_does_not_answer_fails_the_operation(custom: Custom) -> None:
    """It has the time of ServiceTimeout, which the pace shortens; Lambda invokes the function again in this time."""
    template = custom.template({"Create": {"raise": "a fault"}}, ServiceTimeout=150)
    assert custom.stack.create(template) == "ROLLBACK_COMPLETE"
    [reason] = custom.stack.reasons("CREATE_FAILED")
    assert "did not receive a response from your Custom Resource" in reason
    assert custom.told() == [("Create", None)] * 2
    assert len({request["RequestId"] for request in custom.requests()}) == 1
    assert custom.stack.delete() == "DELETE_COMPLETE"


def test_a_deletion_that_the_function_fails_can_be_repeated(custom: Custom) -> None:
    """The stack is DELETE_FAILED until the function succeeds; here the second deletion gives up the resource."""
    stack = custom.stack
    stack.create(custom.template({"Delete": {"Status": "FAILED", "Reason": "still in use"}}))
    assert stack.delete() == "DELETE_FAILED"
    assert any("still in use" in reason for reason in stack.reasons("DELETE_FAILED"))
    assert stack.delete() == "DELETE_FAILED"
    assert custom.told() == [("Create", None), ("Delete", "first"), ("Delete", "first")]
    functions = stack.aws.client("lambda")
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.writestr("handler.py", CODE.replace("**order}", "}"))
    functions.update_function_code(FunctionName=stack.resource("Function"), ZipFile=bundle.getvalue())
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_function_updates_before_the_resource_that_it_makes(custom: Custom) -> None:
    """New code answers the request of the same update; the old process is not used again."""
    stack = custom.stack
    stack.create(custom.template())
    s3 = stack.aws.client("s3")
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.writestr("handler.py", CODE.replace('"Status": "SUCCESS",', '"Status": "SUCCESS", "Data": {"New": 1},'))
    s3.put_object(Bucket="code", Key="new.zip", Body=bundle.getvalue())
    after = custom.template(More="1")
    after["Resources"]["Function"]["Properties"]["Code"] = {"S3Bucket": "code", "S3Key": "new.zip"}
    after["Outputs"]["New"] = {"Value": {"Fn::GetAtt": ["Own", "New"]}}
    assert stack.update(after) == "UPDATE_COMPLETE", stack.reasons("UPDATE_FAILED")
    assert stack.outputs()["New"] == "1"
    assert stack.delete() == "DELETE_COMPLETE"
    s3.delete_object(Bucket="code", Key="new.zip")


def test_the_service_token_cannot_be_changed(custom: Custom) -> None:
    """AWS refuses it, too: another function would not know the resource."""
    stack = custom.stack
    stack.create(custom.template())
    after = custom.template()
    after["Resources"]["Other"] = after["Resources"]["Function"]
    after["Resources"]["Own"]["Properties"]["ServiceToken"] = {"Fn::GetAtt": ["Other", "Arn"]}
    assert stack.update(after) == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.reasons("UPDATE_FAILED")[0] == "Modifying service token is not allowed."
    assert stack.delete() == "DELETE_COMPLETE"


def test_an_answer_that_nobody_waits_for_is_refused(running: Host) -> None:
    """A wrong URL is an error of the caller, not of the local AWS."""
    url = f"{running.endpoint}{OWN_PAGES}responses?token=none"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(urllib.request.Request(url, b"{}", method="PUT"))  # noqa: S310 -- http, on this machine
