"""CloudFormation: stacks are created by change sets, resource by resource, by the calls of each service.

moto's own models of resources drop properties and unknown types without an error, and bypass the calls of the services.
Here, moto only keeps the records of stacks, change sets and events.
"""

import functools
import json
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
from localaws.account import ACCOUNT, REGION, LocalAwsError
from localaws.patches import Original, Part, adds, replaces
from localaws.template import read

MANAGED_POLICIES = "MOTO_IAM_LOAD_MANAGED_POLICIES"
"""Environment variable by which moto knows the policies that AWS manages; roles may have some of them."""


class CloudFormation(Part):
    """The stacks and their change sets."""

    def start(self) -> None:
        """Let the CDK command create and delete stacks."""
        super().start()
        self.set_variable(MANAGED_POLICIES, "true")
        self._client = functools.cache(self.aws.client)

    @replaces(ChangeSet, "_parse_template", because="moto reads JSON slowly, and accepts any section")
    def _parse_change_set(self, _: Original, change_set: ChangeSet) -> None:
        with _refusing(change_set.stack):
            change_set.template_dict = dict(read(change_set.template))

    @replaces(ChangeSet, "diff", because="moto checks a template when it is too late to refuse it")
    def _diff(self, original: Original, change_set: ChangeSet) -> Any:  # noqa: ANN401 -- moto's
        with _refusing(change_set.stack):
            stacks.Plan(change_set, self._client)
            return original(change_set)

    @replaces(
        CloudFormationBackend,
        "execute_change_set",
        because="moto drops unknown types and outputs, and never rolls back",
    )
    def _execute(self, _: Original, backend: CloudFormationBackend, change_set_name: str, arguments: Any) -> None:  # noqa: ANN401, ARG002 -- moto's
        change_set = backend.describe_change_set(change_set_name)
        if change_set is None or change_set.execution_status != "AVAILABLE":
            raise ValidationError(message=f"The change set {change_set_name} cannot be executed in its current state.")
        change_set.execution_status = "EXECUTE_COMPLETE"
        stacks.Plan(change_set, self._client).execute()

    @replaces(
        CloudFormationBackend, "delete_stack", because="moto has no order, and forgets a stack before it is deleted"
    )
    def _delete(self, _: Original, backend: CloudFormationBackend, name_or_stack_id: str) -> None:
        for stack in list(backend.stacks.values()):
            if name_or_stack_id in {stack.name, stack.stack_id}:
                stacks.delete(stack)
                if stack.status == "DELETE_COMPLETE":
                    backend.deleted_stacks[stack.stack_id] = backend.stacks.pop(stack.stack_id)

    @replaces(CloudFormationResponse, "create_stack", because="moto would create resources by its own models")
    @replaces(CloudFormationResponse, "update_stack", because="moto would update resources by its own models")
    def _refuse(self, _: Original, __: CloudFormationResponse) -> Any:  # noqa: ANN401 -- moto's
        raise ValidationError(message="Stacks are created by change sets here, and not updated.")

    @replaces(Stack, "parse_template", because="moto reads JSON slowly")
    def _parse(self, _: Original, template: str) -> dict[str, Any]:
        return dict(read(template))

    @replaces(FakeBucket, "_log_permissions_enabled_policy", because="S3 takes the setting before the policy exists")
    def _may_log(self, _: Original, target_bucket: FakeBucket, target_prefix: str | None) -> bool:  # noqa: ARG002 -- moto's
        return True

    @replaces(
        S3Backend,
        "log_incoming_request",
        because="moto logs at once, S3 some hours later: a bucket that was emptied must stay empty",
    )
    def _log_nothing(self, _: Original, __: S3Backend, request: object, bucket_name: str) -> None:
        pass

    @replaces(
        FakeBucket, "get_permission", because="moto ignores the conditions of bucket policies, which `Front` evaluates"
    )
    def _permission(self, _: Original, __: FakeBucket, action: str, resource: str) -> PermissionResult:  # noqa: ARG002 -- moto's
        return PermissionResult.NEUTRAL

    @adds(AthenaResponse, "delete_named_query", because="moto can only create named queries")
    def _delete_named_query(self, response: AthenaResponse) -> str:
        del athena_backends[ACCOUNT][REGION].named_queries[response._get_param("NamedQueryId")]  # noqa: SLF001 -- moto's accessor
        return "{}"

    @adds(
        CloudTrailResponse, "lookup_events", because="the CDK command repeats this call after a failure until it works"
    )
    def _lookup_events(self, _: CloudTrailResponse) -> str:
        return json.dumps({"Events": []})


@contextmanager
def _refusing(stack: Stack) -> Iterator[None]:
    """Answer an error of the local AWS as CloudFormation does, and forget a stack that was never created."""
    try:
        yield
    except (LocalAwsError, ValidationError) as error:
        if not stacks.is_begun(stack):
            cloudformation_backends[ACCOUNT][REGION].stacks.pop(stack.stack_id)
        raise ValidationError(message=str(error)) from error
