"""An interpreter that executes a state machine state by state, so that a test determines the order of events.

It implements the part of the Amazon States Language that the workflow uses, and refuses everything else.

"""

import hashlib
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

STATE_MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:fruits-test"

Json = Any


class TaskError(Exception):
    """The failure of a task, under the name that Step Functions gives it."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


@dataclass
class Execution:
    """An execution that is about to enter a state."""

    name: str
    data: Json
    state: str
    status: str = "RUNNING"
    retries: int = 0
    entered: int = 0
    visited: list[str] = field(default_factory=list)

    @property
    def arn(self) -> str:
        """ARN of the execution."""
        return f"{STATE_MACHINE.replace('stateMachine', 'execution')}:{self.name}"

    def copy(self) -> "Execution":
        """Return an execution in the same state. Their data can be shared, because a step replaces them."""
        return Execution(self.name, self.data, self.state, self.status, self.retries, self.entered, [*self.visited])


Task = Callable[[Execution, str, Json], Json]
"""Execution, resource and parameters → result; `None` if the task has not ended; may raise TaskError."""


@dataclass
class Stepper:
    """A state machine and the function that executes its tasks."""

    definition: Json
    task: Task

    def start(self, name: str, data: Json) -> Execution:
        """Start an execution."""
        return Execution(name, data, self.definition["StartAt"])

    def step(self, execution: Execution) -> None:
        """Execute the current state of an execution; stay in the state if its task has not ended."""
        state = self.definition["States"][execution.state]
        if not execution.visited or execution.visited[-1] != execution.state or execution.retries == 0:
            execution.visited.append(execution.state)
        getattr(self, f"_{state['Type'].lower()}")(execution, state)

    def _pass(self, execution: Execution, state: Json) -> None:
        _expect(state, {"Type", "Parameters", "ResultPath", "Next"})
        made = _filled(state["Parameters"], execution)
        self._go(
            execution, state, _placed(execution.data, state["ResultPath"], made) if "ResultPath" in state else made
        )

    def _wait(self, execution: Execution, state: Json) -> None:
        _expect(state, {"Type", "Seconds", "TimestampPath", "Next"})
        if "TimestampPath" in state:
            datetime.fromisoformat(_at(state["TimestampPath"], execution))
        self._go(execution, state, execution.data)

    def _succeed(self, execution: Execution, state: Json) -> None:
        _expect(state, {"Type", "Comment"})
        execution.status = "SUCCEEDED"

    def _fail(self, execution: Execution, state: Json) -> None:
        _expect(state, {"Type", "Error", "Cause", "ErrorPath", "CausePath"})
        for path in ("ErrorPath", "CausePath"):
            if path in state:
                _at(state[path], execution)
        execution.status = "FAILED"

    def _choice(self, execution: Execution, state: Json) -> None:
        _expect(state, {"Type", "Choices", "Default"})
        chosen = next((rule["Next"] for rule in state["Choices"] if _holds(rule, execution)), state["Default"])
        self._enter(execution, chosen)

    def _task(self, execution: Execution, state: Json) -> None:
        _expect(state, TASK_FIELDS)
        try:
            result = self.task(execution, state["Resource"], _filled(state["Parameters"], execution))
        except TaskError as error:
            self._fail_task(execution, state, error)
            return
        if result is None:
            return
        if "ResultSelector" in state:
            result = _filled(state["ResultSelector"], execution, result)
        self._go(execution, state, _placed(execution.data, state["ResultPath"], result))

    def _fail_task(self, execution: Execution, state: Json, error: TaskError) -> None:
        retrier = next((retry for retry in state.get("Retry", []) if _matches(retry, error)), None)
        if retrier and execution.retries < retrier["MaxAttempts"]:
            execution.retries += 1
            return
        catcher = next((catch for catch in state.get("Catch", []) if _matches(catch, error)), None)
        if catcher is None:
            execution.status = "FAILED"
            return
        details = {"Error": error.error, "Cause": error.cause}
        execution.data = _placed(execution.data, catcher["ResultPath"], details)
        self._enter(execution, catcher["Next"])

    def _go(self, execution: Execution, state: Json, data: Json) -> None:
        execution.data = data
        self._enter(execution, state["Next"])

    def _enter(self, execution: Execution, name: str) -> None:
        if name not in self.definition["States"]:
            raise AssertionError(f"there is no state {name}")
        execution.state = name
        execution.retries = 0
        execution.entered += 1


TASK_FIELDS = {
    "Type",
    "Resource",
    "Parameters",
    "ResultSelector",
    "ResultPath",
    "Retry",
    "Catch",
    "Next",
    "TimeoutSeconds",
}


def _expect(state: Json, known: set[str]) -> None:
    if unknown := state.keys() - known:
        raise NotImplementedError(f"fields {unknown} of a state of type {state['Type']}")


def _matches(rule: Json, error: TaskError) -> bool:
    return error.error in rule["ErrorEquals"] or "States.ALL" in rule["ErrorEquals"]


def _placed(data: Json, path: str | None, result: Json) -> Json:
    if path is None:
        return data
    found = re.fullmatch(r"\$\.(\w+)", path)
    if not found:
        raise NotImplementedError(f"ResultPath {path}")
    return {**data, found[1]: result}


def _filled(template: Json, execution: Execution, data: Json = None) -> Json:
    """Fill in a template: fields whose names end in ``.$`` are JSONPaths or intrinsic functions."""
    if not isinstance(template, dict):
        return template
    return {
        name.removesuffix(".$"): _value(value, execution, data)
        if name.endswith(".$")
        else _filled(value, execution, data)
        for name, value in template.items()
    }


def _value(expression: str, execution: Execution, data: Json = None) -> Json:
    if expression.startswith("$"):
        return _at(expression, execution, data)
    return _Intrinsic(expression, execution, data).evaluate()


def _at(path: str, execution: Execution, data: Json = None) -> Json:
    """Follow a JSONPath. A path that leads nowhere raises a KeyError; in the cloud, it fails the execution."""
    if path.startswith("$$."):
        root: Json = _context(execution)
        path = path[1:]
    else:
        root = execution.data if data is None else data
    if not re.fullmatch(r"\$(\.\w+)*", path):
        raise NotImplementedError(f"path {path}")
    for name in path.split(".")[1:]:
        root = root[name]
    return root


def _context(execution: Execution) -> Json:
    seconds = execution.entered
    moment = f"2026-11-20T{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.123Z"
    return {
        "Execution": {"Id": execution.arn, "Name": execution.name},
        "State": {"EnteredTime": moment, "RetryCount": execution.retries, "Name": execution.state},
        "StateMachine": {"Id": STATE_MACHINE},
    }


def _holds(rule: Json, execution: Execution) -> bool:
    if "And" in rule:
        return all(_holds(part, execution) for part in rule["And"])
    if "Or" in rule:
        return any(_holds(part, execution) for part in rule["Or"])
    if "Not" in rule:
        return not _holds(rule["Not"], execution)
    ((operator, wanted),) = [(name, value) for name, value in rule.items() if name not in {"Variable", "Next"}]
    if operator == "IsPresent":
        return _is_present(rule["Variable"], execution) == wanted
    found = _at(rule["Variable"], execution)
    if operator.endswith("Path"):
        operator, wanted = operator.removesuffix("Path"), _at(wanted, execution)
    return OPERATORS[operator](found, wanted)


OPERATORS: dict[str, Callable[[Json, Json], bool]] = {
    "StringEquals": lambda found, wanted: isinstance(found, str) and found == wanted,
    "BooleanEquals": lambda found, wanted: found is wanted,
    "NumericLessThan": lambda found, wanted: found < wanted,
}


def _is_present(path: str, execution: Execution) -> bool:
    try:
        _at(path, execution)
    except (KeyError, TypeError):
        return False
    return True


PIECE = re.compile(r"\s*(States\.\w+|\$[\w.$]*|'[^']*'|-?\d+|[(),])")


@cache
def _pieces(expression: str) -> list[str]:
    position, pieces = 0, []
    while position < len(expression):
        found = PIECE.match(expression, position)
        if not found:
            raise NotImplementedError(f"intrinsic {expression[position:]}")
        pieces.append(found[1])
        position = found.end()
    return pieces


class _Intrinsic:
    """Evaluates intrinsic functions such as ``States.Format('{}', $.a)``."""

    def __init__(self, expression: str, execution: Execution, data: Json) -> None:
        self._pieces = iter(_pieces(expression))
        self._execution, self._data = execution, data

    def evaluate(self) -> Json:
        """Evaluate the next expression."""
        return self._of(next(self._pieces))

    def _of(self, piece: str) -> Json:
        if piece.startswith("$"):
            return _at(piece, self._execution, self._data)
        if piece.startswith("'"):
            return piece[1:-1]
        if piece.startswith("States."):
            return FUNCTIONS[piece](*self._arguments())
        return int(piece)

    def _arguments(self) -> list[Json]:
        arguments = []
        assert next(self._pieces) == "("
        piece = next(self._pieces)
        while piece != ")":
            if piece != ",":
                arguments.append(self._of(piece))
            piece = next(self._pieces)
        return arguments


def _format(template: str, *values: Json) -> str:
    for value in values:
        template = template.replace("{}", str(value), 1)
    return template


FUNCTIONS: dict[str, Callable[..., Json]] = {
    "States.Format": _format,
    "States.Array": lambda *values: list(values),
    "States.ArrayGetItem": lambda array, index: array[index],
    "States.StringSplit": lambda text, characters: [
        part for part in re.split(f"[{re.escape(characters)}]", text) if part
    ],
    "States.MathAdd": lambda one, other: one + other,
    "States.Hash": lambda text, algorithm: hashlib.new(algorithm.replace("-", "").lower(), text.encode()).hexdigest(),
    "States.StringToJson": json.loads,
    "States.UUID": lambda: str(uuid.uuid4()),
}
