"""EventBridge: the rules that services of AWS manage in an account, which outlive the stacks that use them."""

from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.events.models import EventsBackend, Rule
from moto.events.responses import EventsHandler

from localaws.integrations import RULE
from localaws.patches import Original, Part, replaces

MANAGER = "states.amazonaws.com"

UNMANAGED_BECAUSE = "moto's rules are never managed by a service"


class Rules(Part):
    """The rules: Step Functions manages the one by which it learns of the end of jobs."""

    @replaces(EventsBackend, "put_rule", because=UNMANAGED_BECAUSE)
    def _put_rule(self, original: Original, backend: EventsBackend, name: str, arguments: dict[str, Any]) -> Rule:
        managed = {"managed_by": MANAGER} if name == RULE else {}
        return original(backend, **arguments | managed)  # type: ignore[no-any-return] # the original has no type

    @replaces(EventsHandler, "delete_rule", because=UNMANAGED_BECAUSE)
    def _delete(self, original: Original, handler: EventsHandler) -> Any:  # noqa: ANN401 -- moto's
        _require_force(handler, "Name")
        return original(handler)

    @replaces(EventsHandler, "remove_targets", because=UNMANAGED_BECAUSE)
    def _remove_targets(self, original: Original, handler: EventsHandler) -> Any:  # noqa: ANN401 -- moto's
        _require_force(handler, "Rule")
        return original(handler)


def _require_force(handler: EventsHandler, parameter: str) -> None:
    """Refuse to change a managed rule without ``Force``, as its service may still use it."""
    name = handler._get_param(parameter)  # noqa: SLF001 -- moto's accessor
    rules, _ = handler.events_backend.list_rules(prefix=name)
    is_managed = any(rule.name == name and rule.managed_by for rule in rules)
    if is_managed and not handler._get_param("Force"):  # noqa: SLF001 -- moto's accessor
        raise JsonRESTError("ManagedRuleException", f"The rule {name} is managed by {MANAGER}: it needs Force.")
