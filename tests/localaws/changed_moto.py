"""Installs a part of the local AWS on a moto of which one function has changed, for each that is replaced.

``python -m tests.localaws.changed_moto PART`` prints how many are replaced, and the names of those whose change nobody
has noticed. A process for each try: patches can't be taken back.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localaws import patches
from localaws.account import LocalAws, LocalAwsError

Place = tuple[Any, str]

REPLACE = patches.replace


def main() -> None:
    """Try them all."""
    part = importlib.import_module(f"localaws.{sys.argv[1]}")
    places: list[Place] = []
    count = int(_in_a_child(lambda: _install(part, places, None) or str(len(places))))
    unnoticed = [_in_a_child(lambda index=index: _install(part, [], index)) for index in range(count)]
    print(json.dumps([count, [name for name in unnoticed if name]]))  # noqa: T201 -- this is a program


def _install(part: Any, places: list[Place], broken: int | None) -> str:  # noqa: ANN401 -- a module
    """Install a part; return the name of the function that was changed if nobody noticed."""

    def replace(owner: Any, name: str, substitute: Callable[..., Any], *, because: str) -> Any:  # noqa: ANN401
        if len(places) == broken:
            setattr(owner, name, lambda surprise: surprise)
        places.append((owner, name))
        return REPLACE(owner, name, substitute, because=because)

    for module in list(sys.modules.values()):
        if getattr(module, "replace", None) is REPLACE:
            module.replace = replace  # type: ignore[attr-defined]
    try:
        part.install(LocalAws(port=1, folder=Path(os.devnull)))
    except LocalAwsError as error:
        return "" if places[-1][1] in str(error) else str(error)
    return "" if broken is None else places[broken][1]


def _in_a_child(work: Callable[[], str]) -> str:
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, work().encode())
        os._exit(0)
    os.close(writer)
    os.wait()
    with os.fdopen(reader) as answer:
        return answer.read()


if __name__ == "__main__":
    main()
