"""Makes files of a new type kill the process that decodes them, in every Python with this folder on its path.

The content of such a file is ``POISON``, a space, and how it kills: a signal such as ``SIGKILL``, or a name of `WAYS`.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

from PIL import Image

HOARD = 3_000_000_000
"""Bytes that `hoard` takes, more than the process of a decoder may."""

_open = Image.open
_seen: list[bytes] = []


def _hoard() -> None:
    parts = [b"x" * 100_000_000 for _ in range(HOARD // 100_000_000)]
    raise MemoryError(len(parts))


def _run_out() -> None:
    raise MemoryError


def _never_end() -> None:
    while True:
        pass


def _kill_if_used() -> None:
    if len(_seen) > 1:
        os.kill(os.getpid(), signal.SIGKILL)
    raise OSError("this process has decoded nothing before")


WAYS: dict[str, Callable[[], None]] = {
    "hoard": _hoard,
    "memory": _run_out,
    "endless": _never_end,
    "exit": lambda: os._exit(7),
    "if-used": _kill_if_used,
}


def _opened(file: Any, *arguments: Any, **options: Any) -> Image.Image:  # noqa: ANN401 -- those of Image.open
    body = file.getvalue() if hasattr(file, "getvalue") else b""
    _seen.append(body)
    if body.startswith(b"POISON "):
        way = body.split()[1].decode()
        WAYS.get(way, lambda: os.kill(os.getpid(), signal.Signals[way]))()
    return _open(file, *arguments, **options)


Image.open = _opened  # type: ignore[assignment]
