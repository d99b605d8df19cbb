"""Replacing functions of moto for as long as a part of the local AWS is open.

A part declares its replacements with the decorators `replaces` and `adds`. A replacement states its reason, and fails
if moto is not the version, or the function not the one, that it was written for.
"""

import functools
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self, TypeVar

from localaws.account import LocalAws, LocalAwsError

MOTO = "5.2.5"

Original = Callable[..., Any]
"""The function of moto that a method replaces; the method receives it as its second parameter."""

Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class _Patch:
    owner: Any
    name: str
    because: str
    is_new: bool = False


def replaces(owner: Any, name: str, *, because: str) -> Callable[[Method], Method]:  # noqa: ANN401 -- a module or class
    """Declare that a method of a part replaces a function of moto.

    The method takes `self`, the original, and the parameters of the original under their own names; moto's `self` may
    have any name. If the last parameter is `arguments`, the method may leave others out: `arguments` has them all.

    Parameters
    ----------
    owner
        Module or class of moto that has the function.
    because
        What moto's own function lacks.
    """
    return _declare(_Patch(owner, name, because))


def adds(owner: Any, name: str, *, because: str) -> Callable[[Method], Method]:  # noqa: ANN401 -- a class
    """Declare that a method of a part answers a call that moto's class `owner` does not have."""
    return _declare(_Patch(owner, name, because, is_new=True))


def _declare(patch: _Patch) -> Callable[[Method], Method]:
    def declare(method: Method) -> Method:
        vars(method).setdefault("patches", []).append(patch)
        return method

    return declare


class Part:
    """A part of the local AWS: it replaces functions of moto while it is open, and restores them when it closes."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.at_end = ExitStack()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Replace what the class declares; a subclass extends this method.

        Raises
        ------
        LocalAwsError
            If moto is another version, or if a replaced function is missing or takes other parameters.
        """
        if version("moto") != MOTO:
            raise LocalAwsError(
                f"The local AWS is made for moto {MOTO}, not {version('moto')}: install requirements.txt."
            )
        for method, patch in self._declared():
            self._put(patch.owner, patch.name, _added(method, patch) if patch.is_new else _replacement(method, patch))

    def close(self) -> None:
        """End what the part has started, the last first, and restore moto."""
        self.at_end.close()

    def replace(self, owner: Any, name: str, method: Callable[..., Any], *, because: str) -> None:  # noqa: ANN401 -- a module or class
        """Replace a function of moto by a method, as the decorator `replaces` does."""
        self._put(owner, name, _replacement(method, _Patch(owner, name, because)))

    def exchange(self, owner: Any, name: str, before: object, now: object) -> None:  # noqa: ANN401 -- a module or class
        """Exchange a constant or a class of moto.

        Raises
        ------
        LocalAwsError
            If moto has something else than `before` there.
        """
        found = vars(owner).get(name)
        if found is not before and found != before:
            raise LocalAwsError(f"{owner.__name__}.{name} of moto is no longer {before}.")
        self._put(owner, name, now)

    def set_variable(self, name: str, value: str) -> None:
        """Set an environment variable that moto reads."""
        if name in os.environ:
            self.at_end.callback(os.environ.__setitem__, name, os.environ[name])
        else:
            self.at_end.callback(os.environ.pop, name)
        os.environ[name] = value

    def _put(self, owner: Any, name: str, value: object) -> None:  # noqa: ANN401 -- a module or class
        if name in vars(owner):
            self.at_end.callback(setattr, owner, name, vars(owner)[name])
        else:
            self.at_end.callback(delattr, owner, name)
        setattr(owner, name, value)

    def _declared(self) -> Iterator[tuple[Callable[..., Any], _Patch]]:
        for name, member in inspect.getmembers_static(type(self), inspect.isfunction):
            for patch in vars(member).get("patches", ()):
                yield getattr(self, name), patch


def _added(method: Callable[..., Any], patch: _Patch) -> Callable[..., Any]:
    if hasattr(patch.owner, patch.name):
        raise LocalAwsError(
            f"moto has {patch.name} in {patch.owner.__name__} by now: remove the addition ({patch.because})."
        )

    def call(*arguments: Any) -> Any:  # noqa: ANN401 -- a bound method would not receive moto's `self`
        return method(*arguments)

    return call


def _replacement(method: Callable[..., Any], patch: _Patch) -> Any:  # noqa: ANN401 -- a function, or a static method
    found = inspect.getattr_static(patch.owner, patch.name, None)
    is_wrapped = isinstance(found, staticmethod | classmethod)
    original = found.__func__ if is_wrapped else found
    if not callable(original):
        raise LocalAwsError(f"moto has no {patch.name} in {patch.owner.__name__} to be replaced ({patch.because}).")
    replacement = _calling(method, original, patch)
    return type(found)(replacement) if is_wrapped else replacement


def _calling(method: Callable[..., Any], original: Original, patch: _Patch) -> Callable[..., Any]:
    """Wrap a method into a function with the parameters of the original."""
    signature = inspect.signature(original)
    theirs, ours = list(signature.parameters), list(inspect.signature(method).parameters)[1:]
    if theirs[:1] == ["self"]:
        ours[:1] = ["self"]
    by_name = ours[-1:] == ["arguments"]
    if (by_name and set(ours[:-1]) - set(theirs)) or (not by_name and ours != theirs):
        raise LocalAwsError(
            f"{patch.owner.__name__}.{patch.name} of moto takes {theirs}, not {ours} ({patch.because})."
        )

    @functools.wraps(original)
    def call(*values: Any, **named: Any) -> Any:  # noqa: ANN401 -- as moto calls it
        if not by_name:
            return method(original, *values, **named)
        bound = signature.bind(*values, **named)
        bound.apply_defaults()
        arguments = bound.arguments
        itself = [arguments.pop("self")] if "self" in arguments else []
        chosen = {name: arguments[name] for name in ours if name in arguments}
        return method(original, *itself, **chosen, arguments=arguments)

    return call
