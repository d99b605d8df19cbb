"""The creation, update and deletion of stacks: resource by resource, in order, with an event for every step."""

from collections.abc import Collection

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import Stack

from localaws.plans import Plan
from localaws.resources import Effect, Resource, maker_of
from localaws.stacks import StackOutputs, StackResource, add_event, attempt, contents_of

RETAINED = frozenset({"Retain", "RetainExceptOnCreate"})
"""Policies of resources that outlive the deletion of a stack."""

RETAINED_IF_CREATION_FAILS = frozenset({"Retain"})
"""Policies of resources that outlive the operation that created them if it fails."""

REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


def create(plan: Plan) -> None:
    """Create a stack; if a resource fails, delete those before it."""
    stack, contents = plan.stack, plan.contents()
    stack.resource_map = contents  # type: ignore[assignment] # it has the methods of moto's ResourceMap
    _store_template(plan)
    add_event(stack, "CREATE_IN_PROGRESS", "User Initiated")
    failed = next((name for name in plan.order if not _create(plan, contents.existing, name)), None)
    reason = f"The following resource(s) failed to create: [{failed}]." if failed else _store_outputs(plan)
    if reason:
        add_event(stack, "ROLLBACK_IN_PROGRESS", f"{reason} Rollback requested by user.")
        _delete_all(stack, "ROLLBACK", RETAINED_IF_CREATION_FAILS)
    else:
        add_event(stack, "CREATE_COMPLETE")


def delete(stack: Stack) -> None:
    """Delete the resources of a stack, the last first; after a failure, which is in the events, try again."""
    add_event(stack, "DELETE_IN_PROGRESS", "User Initiated")
    _delete_all(stack, "DELETE", RETAINED)


def require_deletable(stack: Stack) -> None:
    """Check that a stack can be deleted now.

    Raises
    ------
    ValidationError
        If termination protection is enabled, or if another operation on the stack goes on.
    """
    if stack.enable_termination_protection:
        raise ValidationError(message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    if stack.status.endswith("IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
        raise ValidationError(message=f"Stack [{stack.name}] is {stack.status}: wait for the end of this operation.")


def update(plan: Plan) -> None:
    """Update a stack; if a resource fails, restore what was changed before it."""
    _Update(plan).execute()


class _Update:
    """An update of a stack.

    Nothing is deleted before all else has succeeded: the new records of resources stand beside the old ones until then.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._stack = plan.stack
        self._old = {one.logical_resource_id: one for one in contents_of(plan.stack).existing}
        self._now: dict[str, StackResource] = {}

    def execute(self) -> None:
        add_event(self._stack, "UPDATE_IN_PROGRESS", "User Initiated")
        failed = next((name for name in self._plan.order if not self._bring_about(name)), None)
        reason = f"The following resource(s) failed to update: [{failed}]." if failed else _store_outputs(self._plan)
        if reason:
            self._roll_back(reason)
        else:
            self._complete()

    def _bring_about(self, name: str) -> bool:
        """Create, update or replace a resource, or leave it as it is; return whether that succeeded."""
        before = self._old.get(name)
        one = self._now[name] = StackResource(name, self._plan.template["Resources"][name])
        one.resource = before.resource if before else None
        effects: list[Effect] = []
        if reason := attempt(lambda: effects.append(self._plan.effect(before, name))):
            add_event(self._stack, "UPDATE_FAILED", reason, of=one)
            return False
        if before is None:
            return self._make(one, "CREATE", None)
        if effects == [Effect.UPDATE]:
            return self._make(one, "UPDATE", before.resource)
        if effects == [Effect.REPLACEMENT]:
            return self._make(one, "UPDATE", None, REPLACING)
        self._plan.know(name, before.resource.made if before.resource else None)
        return True

    def _make(self, one: StackResource, operation: str, before: Resource | None, why: str | None = None) -> bool:
        add_event(self._stack, f"{operation}_IN_PROGRESS", why, of=one)
        reason = attempt(lambda: _make(self._plan, one, before))
        add_event(self._stack, f"{operation}_{'FAILED' if reason else 'COMPLETE'}", reason, of=one)
        return not reason

    def _complete(self) -> None:
        stack, contents = self._stack, self._plan.contents()
        contents.existing = list(self._now.values())
        stack.resource_map = contents  # type: ignore[assignment] # it has the methods of moto's ResourceMap
        _store_template(self._plan)
        add_event(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        for old in reversed(self._old.values()):
            now = self._now.get(old.logical_resource_id)
            if now is None:
                _delete_resource(stack, old, old.policy("DeletionPolicy") in RETAINED)
            elif _is_new(now, old):
                _delete_resource(stack, old, old.policy("UpdateReplacePolicy") in RETAINED)
            else:
                self._delete_rest(now, old)
        add_event(stack, "UPDATE_COMPLETE")

    def _delete_rest(self, now: StackResource, old: StackResource) -> None:
        """Delete what a resource that was updated in place no longer has, such as its former physical resource."""
        resource = now.resource
        if resource is None or resource is old.resource:
            return
        rest = resource.settle()
        changed = now.physical_resource_id != old.physical_resource_id
        if changed:
            add_event(self._stack, "DELETE_IN_PROGRESS", of=old)
        reasons = [reason for step in reversed(rest) if (reason := attempt(step.call))]
        if changed or reasons:
            add_event(self._stack, "DELETE_FAILED" if reasons else "DELETE_COMPLETE", " ".join(reasons) or None, of=old)

    def _roll_back(self, reason: str) -> None:
        stack, contents = self._stack, contents_of(self._stack)
        add_event(stack, "UPDATE_ROLLBACK_IN_PROGRESS", reason)
        new = [one for one in self._now.values() if _is_new(one, self._old.get(one.logical_resource_id))]
        restored = {name: self._restored(old) for name, old in self._old.items()}
        contents.existing = list(restored.values())
        failed = next((name for name, one in restored.items() if not self._restore(one, self._old[name])), None)
        if failed:
            contents.existing += new
            add_event(stack, "UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed to update: [{failed}].")
            return
        add_event(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        for one in reversed(new):
            _delete_resource(stack, one, one.policy("DeletionPolicy") in RETAINED_IF_CREATION_FAILS)
        for name, one in restored.items():
            if one is not self._old[name]:
                self._delete_rest(one, self._now[name])
        add_event(stack, "UPDATE_ROLLBACK_COMPLETE")

    def _restored(self, old: StackResource) -> StackResource:
        """Return the record of a resource after the rollback: that of before, unless it was updated in place."""
        now = self._now.get(old.logical_resource_id)
        if now is None or _is_new(now, old) or now.resource is old.resource or not now.resource or not old.resource:
            return old
        before, name = now.resource, old.logical_resource_id
        back = Resource(self._plan.owner, name, old.cf_resource_type, old.resource.properties, before)
        return StackResource(name, old.document, back)

    def _restore(self, one: StackResource, old: StackResource) -> bool:
        """Give a resource that was updated in place its old properties; return whether that succeeded."""
        resource = one.resource
        if one is old or resource is None:
            return True
        add_event(self._stack, "UPDATE_IN_PROGRESS", of=one)
        reason = attempt(lambda: _apply(resource))
        add_event(self._stack, "UPDATE_FAILED" if reason else "UPDATE_COMPLETE", reason, of=one)
        return not reason


def _is_new(one: StackResource, old: StackResource | None) -> bool:
    """Return whether a resource was created by the update, instead of an old one or without."""
    return one.resource is not None and one.resource.before is None and (not old or one.resource is not old.resource)


def _create(plan: Plan, existing: list[StackResource], name: str) -> bool:
    one = StackResource(name, plan.template["Resources"][name])
    existing.append(one)
    add_event(plan.stack, "CREATE_IN_PROGRESS", of=one)
    reason = attempt(lambda: _make(plan, one, None))
    add_event(plan.stack, "CREATE_FAILED" if reason else "CREATE_COMPLETE", reason, of=one)
    return not reason


def _make(plan: Plan, one: StackResource, before: Resource | None) -> None:
    name = one.logical_resource_id
    one.resource = Resource(plan.owner, name, one.cf_resource_type, plan.properties(name), before)
    _apply(one.resource)
    plan.know(name, one.resource.made)


def _apply(resource: Resource) -> None:
    """Create or update a resource; after a failed update, it also keeps what it had before."""
    try:
        resource.made = maker_of(resource.kind)(resource)
        resource.require_all_taken()
    except BaseException:
        resource.keep_steps_before()
        raise


def _store_template(plan: Plan) -> None:
    stack = plan.stack
    stack.template, stack.template_dict, stack.parameters = plan.text, dict(plan.template), dict(plan.parameters)
    stack.description = plan.template.get("Description")


def _store_outputs(plan: Plan) -> str | None:
    """Evaluate and store the outputs; return the reason of a failure."""
    found: list[StackOutputs] = []
    if reason := attempt(lambda: found.append(plan.outputs())):
        return reason
    plan.stack.output_map = found[0]  # type: ignore[assignment] # it has the methods of moto's OutputMap
    return None


def _delete_all(stack: Stack, operation: str, retained: Collection[str]) -> None:
    existing = contents_of(stack).existing
    while existing:
        if not _delete_resource(stack, existing[-1], existing[-1].policy("DeletionPolicy") in retained):
            failed = f"The following resource(s) failed to delete: [{existing[-1].logical_resource_id}]."
            add_event(stack, f"{operation}_FAILED", failed)
            return
        existing.pop()
    add_event(stack, f"{operation}_COMPLETE")


def _delete_resource(stack: Stack, one: StackResource, is_retained: bool) -> bool:  # noqa: FBT001 -- as the policy says
    if is_retained:
        add_event(stack, "DELETE_SKIPPED", of=one)
        return True
    add_event(stack, "DELETE_IN_PROGRESS", of=one)
    reason = attempt(one.resource.remove) if one.resource else None
    add_event(stack, "DELETE_FAILED" if reason else "DELETE_COMPLETE", reason, of=one)
    return not reason
