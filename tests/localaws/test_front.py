"""Every request of a role is authorized, and faults strike it."""

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localaws.account import REGION
from localaws.host import Host, local_aws

BUCKET = "a-bucket"

POLICY = [
    {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/open/*"},
    {"Sid": "Read2", "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "arn:aws:dynamodb:*:*:table/mine"},
    {"Sid": "Unused", "Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"},
]


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """Start a local AWS with a bucket, two tables and a role."""
    with local_aws(1) as host:
        s3 = host.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        for key in ("open/a", "closed/a"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
        for table in ("mine", "theirs"):
            host.client("dynamodb").create_table(
                TableName=table,
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        yield host


@pytest.fixture(scope="module")
def role(host: Host) -> str:
    """Create a role with `POLICY`."""
    iam = host.client("iam")
    arn: str = iam.create_role(RoleName="some", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    iam.put_role_policy(RoleName="some", PolicyName="p", PolicyDocument=_document(*POLICY))
    return arn


@pytest.fixture
def client(host: Host, role: str) -> Callable[[str], Any]:
    """Return a function that makes clients that act under the role."""
    keys = host.ask(f"credentials?role={role}")

    def make(service: str) -> Any:  # noqa: ANN401 -- boto3's clients
        return boto3.client(
            service,
            endpoint_url=host.endpoint,
            region_name=REGION,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys["AWS_SESSION_TOKEN"],
            config=Config(retries={"max_attempts": 1, "mode": "standard"}),
        )

    return make


def _code(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as error:
        call()
    return str(error.value.response["Error"]["Code"])


def test_a_role_may_make_the_calls_that_its_policy_allows_and_no_others(client: Callable[[str], Any]) -> None:
    """Action and resource count; each service refuses with its own error."""
    s3, dynamodb = client("s3"), client("dynamodb")
    assert s3.get_object(Bucket=BUCKET, Key="open/a")["Body"].read() == b"x"
    assert _code(lambda: s3.get_object(Bucket=BUCKET, Key="closed/a")) == "AccessDenied"
    assert _code(lambda: s3.put_object(Bucket=BUCKET, Key="open/b", Body=b"x")) == "AccessDenied"
    key = {"id": {"S": "1"}}
    assert "Item" not in dynamodb.get_item(TableName="mine", Key=key)
    assert _code(lambda: dynamodb.get_item(TableName="theirs", Key=key)) == "AccessDeniedException"
    assert _code(lambda: dynamodb.put_item(TableName="mine", Item=key)) == "AccessDeniedException"
    invoke = client("lambda").invoke
    assert _code(lambda: invoke(FunctionName="f")) == "AccessDeniedException"


def test_only_a_role_that_may_list_a_bucket_learns_that_an_object_is_missing(
    host: Host, client: Callable[[str], Any]
) -> None:
    """S3 answers other roles with AccessDenied."""
    s3 = client("s3")
    assert _code(lambda: s3.get_object(Bucket=BUCKET, Key="open/none")) == "AccessDenied"
    assert _code(lambda: s3.head_object(Bucket=BUCKET, Key="open/none")) == "403"
    listing = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"}
    host.client("iam").put_role_policy(RoleName="some", PolicyName="listing", PolicyDocument=_document(listing))
    assert _code(lambda: s3.get_object(Bucket=BUCKET, Key="open/none")) == "NoSuchKey"
    host.client("iam").delete_role_policy(RoleName="some", PolicyName="listing")


def test_the_policy_of_a_bucket_allows_and_denies(host: Host, role: str, client: Callable[[str], Any]) -> None:
    """A role that it names is allowed; a denial of calls without TLS has no effect here."""
    place = f"arn:aws:s3:::{BUCKET}/closed/*"
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    policy = [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": place, "Principal": {"AWS": role}},
        {"Effect": "Deny", "Action": "s3:*", "Resource": place, "Principal": "*", "Condition": plain},
    ]
    host.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=_document(*policy))
    assert client("s3").get_object(Bucket=BUCKET, Key="closed/a")["Body"].read() == b"x"
    policy[1].pop("Condition")
    host.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=_document(*policy))
    assert _code(lambda: client("s3").get_object(Bucket=BUCKET, Key="closed/a")) == "AccessDenied"
    host.client("s3").delete_bucket_policy(Bucket=BUCKET)


def test_an_unknown_call_is_refused(client: Callable[[str], Any]) -> None:
    """It does not reach moto, even if a policy allows it."""
    assert _code(lambda: client("s3").get_object_acl(Bucket=BUCKET, Key="open/a")) == "NotImplemented"
    assert _code(lambda: client("kms").list_keys()) == "NotImplemented"


def test_faults_strike_roles_and_not_the_administrator(host: Host, client: Callable[[str], Any]) -> None:
    """They end when an empty list replaces them."""
    host.ask("faults", [{"kind": "unavailable", "action": "s3:GetObject"}])
    assert _code(lambda: client("s3").get_object(Bucket=BUCKET, Key="open/a")) == "SlowDown"
    host.client("s3").get_object(Bucket=BUCKET, Key="open/a")
    assert host.ask("faults", [])["s3:GetObject"] >= 1
    assert client("s3").get_object(Bucket=BUCKET, Key="open/a")["Body"].read() == b"x"


def test_the_grants_say_whether_they_were_used(host: Host, role: str, client: Callable[[str], Any]) -> None:
    """Each action on each resource is a grant of its role."""
    client("s3").get_object(Bucket=BUCKET, Key="open/a")
    used = {grant["statement"]: grant["used"] for grant in host.ask("grants") if grant["role"] == role}
    assert used["Read"]
    assert not used["Unused"]


FORM = (
    b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nopen/planted\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nplanted\r\n--x--\r\n'
)
"""What a form of a web page sends to a bucket."""


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Origin": "https://evil.example"}, "no requests of web pages"),
        ({"Origin": "null"}, "no requests of web pages"),
        ({"Sec-Fetch-Site": "cross-site"}, "no requests of web pages"),
        ({"Sec-Fetch-Site": "same-site"}, "no requests of web pages"),
        ({"Host": "evil.example"}, "'evil.example' is not this server"),
        ({"Host": "evil.example:{port}"}, "is not this server"),
        ({"Host": "localhost.evil.example:{port}"}, "is not this server"),
        ({"Host": "127.0.0.1:1"}, "is not this server"),
    ],
)
@pytest.mark.parametrize("request_line", [("POST", f"/{BUCKET}"), ("OPTIONS", "/"), ("GET", "/_localaws/grants")])
def test_a_web_page_of_another_origin_has_no_effect(
    host: Host, headers: dict[str, str], told: str, request_line: tuple[str, str]
) -> None:
    """Neither a form, nor an image, nor a page whose name is bound anew to this address reaches a service."""
    port = int(host.endpoint.rpartition(":")[2])
    sent = {name: value.format(port=port) for name, value in headers.items()}
    answer = _send(port, request_line, {"Content-Type": "multipart/form-data; boundary=x"} | sent)
    body = answer.read().decode()
    assert (answer.status, body.count("\n")) == (403, 0)
    assert told in body
    assert not any(name.lower().startswith("access-control") for name, _ in answer.getheaders())
    assert host.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="open/planted")["KeyCount"] == 0


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LocalHost", "a-bucket.localhost"])
def test_programs_reach_the_services_by_any_name_of_this_machine(host: Host, name: str) -> None:
    """A request without the headers of browsers is answered, and no web page may read the answer."""
    port = int(host.endpoint.rpartition(":")[2])
    answer = _send(port, ("GET", "/_localaws/grants"), {"Host": f"{name}:{port}", "Sec-Fetch-Site": "none"})
    assert answer.status == 200
    listed = _send(port, ("GET", f"/{BUCKET}"), {"Host": f"127.0.0.1:{port}"})
    assert listed.status == 200
    assert not any(name.lower().startswith("access-control") for name, _ in listed.getheaders())


def _send(port: int, request_line: tuple[str, str], headers: dict[str, str]) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(*request_line, body=FORM if request_line[0] == "POST" else None, headers=headers)
    return connection.getresponse()
