"""What the operators of an environment choose: `python -m cdk.choices ENV --email … --weights …` writes it to a file.

`make deploy` calls this. The file belongs into the repository: a later deployment from any machine reads it, and so
keeps the address of the alarms and the model without being told again.
"""

import argparse
import json
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from cdk.settings import ENVIRONMENTS, Environment, EnvironmentSettingsError

FOLDER = Path(__file__).parent / "choices"
"""Folder of the files, one for each environment that has choices."""

NONE = "none"
"""Value on the command line that takes a choice back."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Settings that differ between two owners of the same code; `None` keeps the value of `cdk/settings.py`."""

    alarm_email: str | None = None
    weights: str | None = None

    @classmethod
    def of(cls, environment: str, folder: Path = FOLDER) -> Self:
        """Read the choices for an environment.

        Raises
        ------
        EnvironmentSettingsError
            If the file is not a JSON object of choices.
        """
        path = _path(environment, folder)
        if not path.exists():
            return cls()
        try:
            return cls(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise EnvironmentSettingsError(
                f"{path} must be a JSON object with {' and '.join(field.name for field in fields(cls))} only: {error}"
            ) from error

    def chosen(self) -> dict[str, str]:
        """Return the values that are chosen."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def apply(self, settings: Environment) -> Environment:
        """Return the settings of an environment with the choices.

        Raises
        ------
        EnvironmentSettingsError
            If a choice is invalid.
        """
        chosen: dict[str, Any] = self.chosen()
        return replace(settings, **chosen)

    def write(self, environment: str, folder: Path = FOLDER) -> Path:
        """Write the choices for an environment, and return the path of the file."""
        path = _path(environment, folder)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(self.chosen(), indent=2) + "\n")
        return path


def main(arguments: list[str] | None = None) -> int:
    """Write the choices that the arguments name; without any, change nothing.

    Returns
    -------
    int
        Exit code: 0 for success, 2 for an invalid value.
    """
    parser = argparse.ArgumentParser(prog="python -m cdk.choices", description=__doc__.splitlines()[0])
    parser.add_argument("environment", choices=[*ENVIRONMENTS])
    parser.add_argument("--email", metavar="ADDRESS", help=f"address for alarms and the budget, or {NONE}")
    parser.add_argument("--weights", help=f"imagenet, seeded, or an .h5 or .keras file, or {NONE} for the default")
    given = parser.parse_args(arguments)
    try:
        before = Choices.of(given.environment)
        after = Choices(
            alarm_email=_chosen(given.email, before.alarm_email), weights=_chosen(given.weights, before.weights)
        )
        after.apply(ENVIRONMENTS[given.environment])
    except EnvironmentSettingsError as error:
        print(f"fruits: {error}", file=sys.stderr)  # noqa: T201 -- this is a command
        return 2
    if after != before:
        path = after.write(given.environment)
        print(f"{path}: {after.chosen()}. Commit this file, so that later deployments keep it.")  # noqa: T201 -- as above
    return 0


def _chosen(given: str | None, before: str | None) -> str | None:
    return before if given is None else None if given == NONE else given


def _path(environment: str, folder: Path) -> Path:
    return folder / f"{environment}.json"


if __name__ == "__main__":
    sys.exit(main())
