"""Synthesised templates, each made once per session."""

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
    """Add the option that rewrites the snapshots of the templates."""
    parser.addoption("--new-snapshots", action="store_true", help="rewrite the snapshots of the templates")


@dataclass(frozen=True)
class Template:
    """A synthesised template and its path."""

    path: Path
    body: dict[str, Any]

    def of_type(self, name: str) -> dict[str, Resource]:
        """Return the resources of a type: logical id → resource."""
        return {key: found for key, found in self.body["Resources"].items() if found["Type"] == name}

    def one(self, name: str) -> Resource:
        """Return the only resource of a type."""
        (found,) = self.of_type(name).values()
        return found

    def text(self, value: Any) -> str:  # noqa: ANN401 -- a part of a template
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
    """Return a function that synthesises an environment with an address for alarms and seeded weights."""
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{BIN}{os.pathsep}{path}"  # aws-cdk-lib finds Node there
    from aws_cdk import App

    from cdk.app import build

    @cache
    def synthesise(name: str, **values: Any) -> Template:  # noqa: ANN401 -- settings
        folder = tmp_path_factory.mktemp(name)
        context = json.loads((ROOT / "cdk.json").read_text())["context"]
        app = App(outdir=str(folder), context=context)
        build(app, replace(ENVIRONMENTS[name], weights="seeded", alarm_email="alarms@example.org", **values))
        app.synth()
        template = folder / f"fruits-{name}.template.json"
        return Template(template, json.loads(template.read_text()))

    yield synthesise
    os.environ["PATH"] = path


@pytest.fixture(params=["dev", "prod"])
def template(request: pytest.FixtureRequest, synthesised: Callable[[str], Template]) -> Template:
    """Return the template of dev, which keeps no data, and that of prod, which does."""
    return synthesised(request.param)
