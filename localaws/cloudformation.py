"""CloudFormation: stacks are made by change sets, resource by resource, by the calls that anybody could make.

moto has models of its own for some types, which drop properties and other types without a word, and are not made by the
services' calls. Here only the book-keeping of stacks, change sets and events is moto's.
"""

import functools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.athena.models import athena_backends
from moto.athena.responses import AthenaResponse
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import ChangeSet, CloudFormationBackend, Stack, cloudformation_backends
from moto.cloudformation.responses import CloudFormationResponse
from moto.cloudtrail.responses import CloudTrailResponse
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, S3Backend

from localaws import stacks
from localaws.account import ACCOUNT, REGION, LocalAws, LocalAwsError
from localaws.patches import add, replace
from localaws.template import read


def install(aws: LocalAws) -> None:
    """Let stacks be made and deleted."""
    # Roles may have policies of AWS's, and moto knows them only if it is told to.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    client = functools.cache(aws.client)
    _take_over_change_sets(client)
    _take_over_stacks()
    _correct_buckets()
    _add_calls()


def _take_over_change_sets(client: stacks.Client) -> None:
    def parse(self: ChangeSet) -> None:
        with _refusing(self.stack):
            self.template_dict = dict(read(self.template))

    def diff(self: ChangeSet) -> Any:  # noqa: ANN401 -- moto's
        with _refusing(self.stack):
            stacks.Plan(self, client)
            return theirs(self)

    def execute(self: CloudFormationBackend, change_set_name: str, stack_name: str | None = None) -> None:  # noqa: ARG001 -- moto's
        change_set = self.describe_change_set(change_set_name)
        if change_set is None or change_set.execution_status != "AVAILABLE":
            raise ValidationError(message=f"The change set {change_set_name} cannot be executed in its current state.")
        change_set.execution_status = "EXECUTE_COMPLETE"
        stacks.Plan(change_set, client).execute()

    replace(ChangeSet, "_parse_template", parse, because="moto takes long to read JSON, and takes any section for good")
    theirs = replace(ChangeSet, "diff", diff, because="moto looks at a template when it is too late to refuse it")
    replace(
        CloudFormationBackend,
        "execute_change_set",
        execute,
        because="moto drops the types it does not know, never rolls back, and forgets the outputs",
    )


def _take_over_stacks() -> None:
    def delete(self: CloudFormationBackend, name_or_stack_id: str) -> None:
        for stack in list(self.stacks.values()):
            if name_or_stack_id in {stack.name, stack.stack_id}:
                stacks.delete(stack)
                if stack.status == "DELETE_COMPLETE":
                    self.deleted_stacks[stack.stack_id] = self.stacks.pop(stack.stack_id)

    def refuse(self: CloudFormationResponse) -> Any:  # noqa: ANN401, ARG001 -- moto's
        raise ValidationError(message="Stacks are made by change sets here, and not updated.")

    def parse(template: str) -> dict[str, Any]:
        return dict(read(template))

    replace(
        CloudFormationBackend,
        "delete_stack",
        delete,
        because="moto deletes in any order, tries again what fails, and forgets a stack before it is gone",
    )
    for call in ("create_stack", "update_stack"):
        replace(CloudFormationResponse, call, refuse, because="moto would make resources by models of its own")
    replace(Stack, "parse_template", parse, because="moto takes long to read JSON")


@contextmanager
def _refusing(stack: Stack) -> Iterator[None]:
    """Answer an error of ours as CloudFormation does, and leave nothing of a stack that can't be made."""
    try:
        yield
    except (LocalAwsError, ValidationError) as error:
        if not stacks.is_begun(stack):
            cloudformation_backends[ACCOUNT][REGION].stacks.pop(stack.stack_id)
        raise ValidationError(message=str(error)) from error


def _correct_buckets() -> None:
    def may_log(target_bucket: FakeBucket, target_prefix: str | None) -> bool:  # noqa: ARG001 -- moto's
        return True

    def log_nothing(self: S3Backend, request: object, bucket_name: str) -> None:
        pass

    def deny_nothing(self: FakeBucket, action: str, resource: str) -> PermissionResult:  # noqa: ARG001 -- moto's
        return PermissionResult.NEUTRAL

    replace(
        FakeBucket,
        "_log_permissions_enabled_policy",
        may_log,
        because="S3 lets a bucket log before the bucket of the logs has its policy, as each is named in the other",
    )
    replace(
        S3Backend,
        "log_incoming_request",
        log_nothing,
        because="moto logs at once, S3 some hours later: nothing is to be written to a bucket that was emptied",
    )
    replace(
        FakeBucket,
        "get_permission",
        deny_nothing,
        because="moto reads policies of buckets without their conditions; they are evaluated before moto is asked",
    )


def _add_calls() -> None:
    """Add the calls that moto does not have."""

    def delete_named_query(self: AthenaResponse) -> str:
        del athena_backends[ACCOUNT][REGION].named_queries[self._get_param("NamedQueryId")]
        return "{}"

    def lookup_events(self: CloudTrailResponse) -> str:  # noqa: ARG001 -- moto's
        return json.dumps({"Events": []})

    add(AthenaResponse, "delete_named_query", delete_named_query, because="moto can only make them")
    add(
        CloudTrailResponse,
        "lookup_events",
        lookup_events,
        because="after a failure, the CDK CLI asks for them again and again",
    )
