"""CloudFormation: change sets create and update stacks, resource by resource, by the calls of each service.

moto's own models of resources drop properties and unknown types without an error, and bypass the calls of the services.
Here, moto only keeps the records of stacks, change sets and events.
"""

import functools
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.athena.models import athena_backends
from moto.athena.responses import AthenaResponse
from moto.budgets.responses import BudgetsResponse
from moto.cloudformation.exceptions import AlreadyExistsException, CloudFormationError, ValidationError
from moto.cloudformation.models import Change, ChangeSet, CloudFormationBackend, Stack, cloudformation_backends
from moto.cloudformation.responses import CloudFormationResponse
from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, S3Backend

from localaws import operations, stacks
from localaws.account import ACCOUNT, REGION, LocalAws, LocalAwsError
from localaws.custom_resources import CustomResources
from localaws.patches import Original, Part, adds, replaces
from localaws.plans import Plan
from localaws.resources import Owner
from localaws.template import read

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 20.0
"""Longest time that a request waits for the end of the operation that it begins."""

MANAGED_POLICIES = "MOTO_IAM_LOAD_MANAGED_POLICIES"
"""Environment variable by which moto knows the policies that AWS manages; roles may have some of them."""


class ChangeSetNotFoundError(CloudFormationError):
    """There is no such change set; the CDK command knows this error by its code."""

    code = "ChangeSetNotFound"


class CloudFormation(Part):
    """The stacks and their change sets."""

    def __init__(self, aws: LocalAws, custom_resources: CustomResources) -> None:
        super().__init__(aws)
        self._custom_resources = custom_resources

    def start(self) -> None:
        """Let the CDK command create, update and delete stacks."""
        super().start()
        self.set_variable(MANAGED_POLICIES, "true")
        self._client = functools.cache(self.aws.client)

    def _plan(self, change_set: ChangeSet) -> Plan:
        stack = change_set.stack
        return Plan(change_set, Owner(stack.name, stack.stack_id, self._client, self._custom_resources.ask))

    @replaces(ChangeSet, "_parse_template", because="moto reads JSON slowly, and accepts any section")
    def _parse_change_set(self, _: Original, change_set: ChangeSet) -> None:
        with _refusing(change_set.stack):
            change_set.template_dict = dict(read(change_set.template))

    @replaces(ChangeSet, "diff", because="moto checks a template when it is too late to refuse it")
    def _diff(self, _: Original, change_set: ChangeSet) -> list[Change]:
        with _refusing(change_set.stack):
            return [change.as_moto() for change in self._plan(change_set).changes()]

    @replaces(CloudFormationBackend, "create_change_set", because="moto creates a second stack of the same name")
    def _create_change_set(
        self,
        original: Original,
        backend: CloudFormationBackend,
        stack_name: str,
        change_set_type: str,
        arguments: dict[str, Any],
    ) -> tuple[str, str]:
        for stack in [one for one in backend.stacks.values() if one.name == stack_name and change_set_type == "CREATE"]:
            if stacks.is_begun(stack):
                raise AlreadyExistsException(f"Stack [{stack_name}] already exists and cannot be created again.")
            del backend.stacks[stack.stack_id]
        created: tuple[str, str] = original(backend, **arguments)
        change_set = backend.change_sets[created[0]]
        if change_set_type == "UPDATE":
            _set_status(change_set, self._plan(change_set))
        return created

    @replaces(CloudFormationResponse, "_validate_different_update", because="AWS answers with a failed change set")
    def _accept_same(
        self,
        _: Original,
        __: CloudFormationResponse,
        incoming_params: object,
        stack_body: object,
        old_stack: object,
    ) -> None:
        pass

    @replaces(CloudFormationResponse, "describe_change_set", because="moto takes one of that name of any stack")
    def _describe(self, _: Original, response: CloudFormationResponse) -> ActionResult:
        return ActionResult(_change_set(response))

    @replaces(CloudFormationResponse, "delete_change_set", because="moto takes one of that name of any stack")
    def _delete_change_set(self, _: Original, response: CloudFormationResponse) -> EmptyResult:
        for change_set in _change_sets(response):  # as in AWS, there need not be one
            del response.cloudformation_backend.change_sets[change_set.change_set_id]
        return EmptyResult()

    @replaces(
        CloudFormationResponse,
        "execute_change_set",
        because="moto drops unknown types and outputs, and never rolls back",
    )
    def _execute(self, _: Original, response: CloudFormationResponse) -> EmptyResult:
        change_set = _change_set(response)
        if change_set.execution_status != "AVAILABLE":
            name = change_set.change_set_name
            raise ValidationError(message=f"The change set {name} cannot be executed in its current state.")
        if response._get_bool_param("DisableRollback", False):  # noqa: FBT003, SLF001 -- moto's accessor
            raise ValidationError(message="Operations that fail are rolled back here: DisableRollback is not known.")
        with _refusing(change_set.stack):
            plan = self._plan(change_set)
        change_set.execution_status = "EXECUTE_COMPLETE"
        operation = operations.update if stacks.is_begun(change_set.stack) else operations.create
        _run(change_set.stack, lambda: operation(plan))
        return EmptyResult()

    @replaces(
        CloudFormationBackend, "delete_stack", because="moto has no order, and forgets a stack before it is deleted"
    )
    def _delete(self, _: Original, backend: CloudFormationBackend, name_or_stack_id: str) -> None:
        for stack in list(backend.stacks.values()):
            if name_or_stack_id in {stack.name, stack.stack_id}:
                operations.require_deletable(stack)
                _run(stack, functools.partial(_delete_and_forget, backend, stack))

    @adds(CloudFormationResponse, "update_termination_protection", because="moto protects no stack")
    def _protect(self, response: CloudFormationResponse) -> ActionResult:
        stack = response.cloudformation_backend.get_stack(response._get_param("StackName"))  # noqa: SLF001 -- moto's accessor
        is_protected = response._get_bool_param("EnableTerminationProtection", False)  # noqa: FBT003, SLF001 -- as above
        stack.enable_termination_protection = is_protected
        return ActionResult({"StackId": stack.stack_id})

    @replaces(CloudFormationResponse, "create_stack", because="moto would create resources by its own models")
    @replaces(CloudFormationResponse, "update_stack", because="moto would update resources by its own models")
    def _refuse(self, _: Original, __: CloudFormationResponse) -> Any:  # noqa: ANN401 -- moto's
        raise ValidationError(message="Stacks are created and updated by change sets here.")

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

    @adds(AthenaResponse, "update_work_group", because="moto can't change a workgroup")
    def _update_work_group(self, response: AthenaResponse) -> str:
        group = athena_backends[ACCOUNT][REGION].work_groups[response._get_param("WorkGroup")]  # noqa: SLF001 -- moto's accessor
        updates = dict(response._get_param("ConfigurationUpdates") or {})  # noqa: SLF001 -- moto's accessor
        if "ResultConfigurationUpdates" in updates:
            updates["ResultConfiguration"] = updates.pop("ResultConfigurationUpdates")
        group.configuration.update(updates)
        return "{}"

    @adds(BudgetsResponse, "update_budget", because="moto can't change a budget")
    def _update_budget(self, response: BudgetsResponse) -> str:
        wanted = response._get_param("NewBudget")  # noqa: SLF001 -- moto's accessor
        budget = response.backend.budgets[response._get_param("AccountId")][wanted["BudgetName"]]  # noqa: SLF001 -- moto's accessor
        budget.budget.update(wanted)
        return "{}"

    @adds(
        CloudTrailResponse, "lookup_events", because="the CDK command repeats this call after a failure until it works"
    )
    def _lookup_events(self, _: CloudTrailResponse) -> str:
        return json.dumps({"Events": []})


def _change_sets(response: CloudFormationResponse) -> list[ChangeSet]:
    """Return the change sets that a request names: by an ARN, or by their name and that of their stack."""
    name, stack = response._get_param("ChangeSetName"), response._get_param("StackName")  # noqa: SLF001 -- moto's accessor
    return [
        one
        for one in response.cloudformation_backend.change_sets.values()
        if name == one.change_set_id or (name == one.change_set_name and stack in {one.stack_name, one.stack_id})
    ]


def _change_set(response: CloudFormationResponse) -> ChangeSet:
    """Return the change set that a request names, the last one if there are several.

    Raises
    ------
    ChangeSetNotFoundError
        If there is none.
    """
    found = _change_sets(response)
    if not found:
        raise ChangeSetNotFoundError(f"ChangeSet [{response._get_param('ChangeSetName')}] does not exist")  # noqa: SLF001 -- moto's accessor
    return found[-1]


def _set_status(change_set: ChangeSet, plan: Plan) -> None:
    """Let a change set that changes nothing fail, as it does in AWS; the CDK command knows the reason by its words."""
    if change_set.changes or not plan.is_same():
        change_set.status, change_set.execution_status, change_set.status_reason = "CREATE_COMPLETE", "AVAILABLE", None
    else:
        change_set.status, change_set.execution_status = "FAILED", "UNAVAILABLE"
        change_set.status_reason = (
            "The submitted information didn't contain changes. Submit different information to create a change set."
        )


def _delete_and_forget(backend: CloudFormationBackend, stack: Stack) -> None:
    operations.delete(stack)
    if stack.status == "DELETE_COMPLETE":
        backend.deleted_stacks[stack.stack_id] = backend.stacks.pop(stack.stack_id)
        for change_set in [one for one in backend.change_sets.values() if one.stack_id == stack.stack_id]:
            del backend.change_sets[change_set.change_set_id]


def _run(stack: Stack, operation: Callable[[], None]) -> None:
    """Run an operation on a stack in the background, and wait a while for its end.

    AWS does not wait. But most operations take a second here, and clients look again after five seconds only.
    """
    ended = threading.Event()

    def run() -> None:
        try:
            operation()
        except Exception:  # whatever happens, the operation must end, or the CDK command would wait for it forever
            logger.exception("An operation on the stack %s failed", stack.name)
            stacks.add_event(stack, stack.status.replace("IN_PROGRESS", "FAILED"), "The local AWS has an error.")
        finally:
            ended.set()

    threading.Thread(target=run, name=f"changes-{stack.name}", daemon=True).start()
    ended.wait(ANSWER_SECONDS)


@contextmanager
def _refusing(stack: Stack) -> Iterator[None]:
    """Answer an error of the local AWS as CloudFormation does, and forget a stack that was never created."""
    try:
        yield
    except (LocalAwsError, ValidationError) as error:
        if not stacks.is_begun(stack):
            cloudformation_backends[ACCOUNT][REGION].stacks.pop(stack.stack_id)
        raise ValidationError(message=str(error)) from error
