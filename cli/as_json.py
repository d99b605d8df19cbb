"""The option `--json` of the commands that print tables: one JSON document on stdout, and nothing else there."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option `--json`."""
    parser.add_argument("--json", action="store_true", help="print a JSON document, for scripts")


def print_json(document: Mapping[str, Any]) -> None:
    """Print a document. docs/commands.md lists the fields of each command."""
    print(json.dumps(document, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:  # noqa: ANN401 -- whatever json can't write
    """Return a value that json can write: a point in time in ISO format, a dataclass as its fields."""
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
