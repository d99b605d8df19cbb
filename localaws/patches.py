"""Replacing parts of moto: each replacement has its reason, and breaks when moto no longer is what it was made for."""

import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from localaws.account import LocalAwsError

MOTO = "5.2.5"


def replace(owner: Any, name: str, substitute: Callable[..., Any], *, because: str) -> Callable[..., Any]:  # noqa: ANN401 -- a module or a class of moto's
    """Put a function of ours in the place of one of moto's.

    Parameters
    ----------
    owner
        Module or class that has it.
    name
        Of the function.
    substitute
        Takes the same parameters.
    because
        What moto lacks.

    Returns
    -------
    callable
        The one that was replaced.

    Raises
    ------
    LocalAwsError
        If moto is another version, or the function is not there, or takes other parameters.
    """
    if version("moto") != MOTO:
        raise LocalAwsError(f"The rehearsal is made for moto {MOTO}, not {version('moto')}: install requirements.txt.")
    original = inspect.getattr_static(owner, name, None)
    function = original.__func__ if isinstance(original, staticmethod | classmethod) else original
    if not callable(function):
        raise LocalAwsError(f"moto has no {name} in {owner.__name__} to be replaced ({because}).")
    theirs, ours = (list(inspect.signature(one).parameters) for one in (function, substitute))
    if theirs != ours:
        raise LocalAwsError(f"{owner.__name__}.{name} of moto takes {theirs}, not {ours} ({because}).")
    setattr(owner, name, type(original)(substitute) if isinstance(original, staticmethod | classmethod) else substitute)
    return function


def add(owner: Any, name: str, addition: Callable[..., Any], *, because: str) -> None:  # noqa: ANN401 -- a class of moto's
    """Add a call that moto does not have.

    Parameters
    ----------
    owner
        Class that answers the calls of a service.
    name
        Of the call.
    addition
        Answers it.
    because
        Who makes it.

    Raises
    ------
    LocalAwsError
        If moto has it by now.
    """
    if hasattr(owner, name):
        raise LocalAwsError(f"moto has {name} in {owner.__name__} by now: it need not be added ({because}).")
    setattr(owner, name, addition)
