"""What is allowed, as IAM evaluates it."""

import pytest

from localaws.account import LocalAwsError
from localaws.policies import Grant, Need, find_grant

READ = {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject", "s3:List*"], "Resource": "arn:aws:s3:::b/images/*"}
NEVER = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}


@pytest.mark.parametrize(
    ("need", "allowed"),
    [
        (Need("s3:GetObject", "arn:aws:s3:::b/images/a/b.jpg"), True),
        (Need("s3:getobject", "arn:aws:s3:::b/images/a"), True),
        (Need("s3:ListAnything", "arn:aws:s3:::b/images/a"), True),
        (Need("s3:PutObject", "arn:aws:s3:::b/images/a"), False),
        (Need("s3:GetObject", "arn:aws:s3:::b/results/a"), False),
        (Need("s3:GetObject", "arn:aws:s3:::b/imagesX"), False),
        (Need("s3:GetObjectTagging", "arn:aws:s3:::b/images/a"), False),
    ],
)
def test_a_statement_allows_what_it_names(need: Need, *, allowed: bool) -> None:
    """Actions whatever their case, resources exactly; stars stand for anything, and nothing else is a pattern."""
    assert (find_grant([READ], need) is not None) is allowed


def test_a_denial_goes_before_all_else_and_counts_only_where_its_conditions_are_met() -> None:
    """In whatever order the statements stand."""
    asked = ("s3:GetObject", "arn:aws:s3:::b/images/a")
    plain = Need(*asked, {"aws:SecureTransport": "false"})
    encrypted = Need(*asked, {"aws:SecureTransport": "true"})
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
def test_conditions_are_met_by_what_the_call_says(
    condition: dict[str, object], context: dict[str, str], *, allowed: bool
) -> None:
    """All operators and all keys must be, of the values of a key one; a key that the call has not meets nothing."""
    statement = {"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": condition}
    assert (find_grant([statement], Need("a:b", "r", context)) is not None) is allowed


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "NotAction": "s3:*", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.1"}}},
    ],
)
def test_what_is_not_evaluated_is_an_error(statement: dict[str, object]) -> None:
    """A policy that isn't understood neither allows nor denies in silence."""
    with pytest.raises(LocalAwsError, match="not evaluated here"):
        find_grant([statement], Need("s3:GetObject", "r"))
