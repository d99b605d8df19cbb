"""Policies are evaluated as IAM evaluates them."""

import pytest

from localaws.account import LocalAwsError
from localaws.policies import Grant, Permission, find_grant

READ = {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject", "s3:List*"], "Resource": "arn:aws:s3:::b/images/*"}
NEVER = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        (Permission("s3:GetObject", "arn:aws:s3:::b/images/a/b.jpg"), True),
        (Permission("s3:getobject", "arn:aws:s3:::b/images/a"), True),
        (Permission("s3:ListAnything", "arn:aws:s3:::b/images/a"), True),
        (Permission("s3:PutObject", "arn:aws:s3:::b/images/a"), False),
        (Permission("s3:GetObject", "arn:aws:s3:::b/results/a"), False),
        (Permission("s3:GetObject", "arn:aws:s3:::b/imagesX"), False),
        (Permission("s3:GetObjectTagging", "arn:aws:s3:::b/images/a"), False),
    ],
)
def test_a_statement_allows_what_it_names(permission: Permission, *, allowed: bool) -> None:
    """Actions match in any case, resources exactly; only wildcards are patterns."""
    assert (find_grant([READ], permission) is not None) is allowed


def test_a_denial_overrides_if_its_conditions_are_met() -> None:
    """The order of the statements does not matter."""
    asked = ("s3:GetObject", "arn:aws:s3:::b/images/a")
    plain = Permission(*asked, {"aws:SecureTransport": "false"})
    encrypted = Permission(*asked, {"aws:SecureTransport": "true"})
    for statements in ([READ, NEVER], [NEVER, READ]):
        assert find_grant(statements, plain) is None
        assert find_grant(statements, encrypted) == Grant("Read", "s3:GetObject", "arn:aws:s3:::b/images/*")


@pytest.mark.parametrize(
    ("condition", "context", "allowed"),
    [
        ({"StringEquals": {"k": "v"}}, {"k": "v"}, True),
        ({"StringEquals": {"k": "v"}}, {"k": "v2"}, False),
        ({"StringEquals": {"k": "v"}}, {}, False),
        ({"StringEquals": {"k": ["u", "v"]}}, {"k": "v"}, True),
        ({"StringLike": {"k": "results/*"}}, {"k": "results/a/b"}, True),
        ({"ArnLike": {"k": "arn:*:x"}}, {"k": "arn:aws:x"}, True),
        ({"NumericLessThan": {"k": 1.2}}, {"k": "1.3"}, False),
        ({"NumericLessThan": {"k": 1.2}}, {"k": "1.1"}, True),
        ({"StringEquals": {"k": "v"}, "StringLike": {"l": "x*"}}, {"k": "v", "l": "y"}, False),
    ],
)
def test_conditions_are_met_by_the_context_of_the_call(
    condition: dict[str, object], context: dict[str, str], *, allowed: bool
) -> None:
    """All operators and keys must match, and one value of each key; a key that the call lacks does not match."""
    statement = {"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": condition}
    assert (find_grant([statement], Permission("a:b", "r", context)) is not None) is allowed


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "NotAction": "s3:*", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.1"}}},
    ],
)
def test_an_unknown_element_of_a_policy_is_an_error(statement: dict[str, object]) -> None:
    """Such a policy neither allows nor denies without an error."""
    with pytest.raises(LocalAwsError, match="does not know"):
        find_grant([statement], Permission("s3:GetObject", "r"))
