"""Templates of the environments, synthesised once."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cdk.settings import ENVIRONMENTS

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv" / "bin"

Resource = dict[str, Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a snapshot be taken anew."""
    parser.addoption("--new-snapshots", action="store_true", help="take the snapshots of the templates anew")


@dataclass(frozen=True)
class Template:
    """A synthesised template, and what lies beside it."""

    path: Path
    body: dict[str, Any]

    def of_type(self, name: str) -> dict[str, Resource]:
        """Find the resources of a type: logical id → resource."""
        return {key: found for key, found in self.body["Resources"].items() if found["Type"] == name}

    def one(self, name: str) -> Resource:
        """Find the only resource of a type."""
        (found,) = self.of_type(name).values()
        return found

    def text(self, value: Any) -> str:  # noqa: ANN401 -- a piece of a template
        """Write a value with its references in angle brackets."""
        if isinstance(value, str):
            return value
        ((function, argument),) = value.items()
        if function == "Fn::Join":
            return "".join(self.text(part) for part in argument[1])
        if function == "Ref":
            return f"<{argument}>"
        if function == "Fn::Sub":
            return str(argument).replace("${", "<").replace("}", ">")
        return f"<{'.'.join(argument)}>"


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Template]]:
    """Return a function that synthesises an environment, with an address for alarms and the untrained weights."""
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{BIN}{os.pathsep}{path}"  # aws-cdk-lib looks for Node there
    from aws_cdk import App

    from cdk.app import build

    @cache
    def synthesise(name: str) -> Template:
        folder = tmp_path_factory.mktemp(name)
        context = json.loads((ROOT / "cdk.json").read_text())["context"]
        app = App(outdir=str(folder), context=context)
        build(app, replace(ENVIRONMENTS[name], weights="seeded", alarm_email="alarms@example.org"))
        app.synth()
        template = folder / f"fruits-{name}.template.json"
        return Template(template, json.loads(template.read_text()))

    yield synthesise
    os.environ["PATH"] = path


@pytest.fixture(params=["dev", "prod"])
def template(request: pytest.FixtureRequest, synthesised: Callable[[str], Template]) -> Template:
    """Return the template of an environment that leaves nothing behind, and of one that keeps its data."""
    return synthesised(request.param)
