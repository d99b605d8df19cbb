"""Tests of the diagrams: they show what the template, the state machine and the pipeline contain."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from handover.diagrams.drawing import DIAGRAMS, FOLDER, MARKER, PIPELINE, files, steps_of, with_diagrams
from handover.diagrams.template_graph import DiagramError, TemplateGraph
from handover.diagrams.words import PARTS
from handover.templates import Language

ROOT = Path(__file__).parents[3]
TEMPLATE: dict[str, Any] = json.loads((ROOT / "tests/cdk/snapshots/prod.json").read_text())
"""The template of prod; tests/cdk makes sure that this copy equals the synthesised one."""


def _changed(name: str, resource: dict[str, Any]) -> TemplateGraph:
    template = copy.deepcopy(TEMPLATE)
    template["Resources"][name] = resource
    return TemplateGraph(template)


def test_the_diagrams_are_those_of_the_template() -> None:
    """docs/diagrams shows the stack, the workflow and the pipeline as they are; `make diagrams` draws them anew."""
    drawn = files(TemplateGraph(TEMPLATE))
    assert {file: file.read_text() for file in sorted(FOLDER.glob("*.mmd"))} == drawn


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_pages_contain_the_present_diagrams(page: Path) -> None:
    """What a page shows behind a marker is the diagram in its language."""
    language = Language.FRENCH if page.name.endswith(".fr.md") else Language.ENGLISH
    assert with_diagrams(page.read_text(), TemplateGraph(TEMPLATE), language) == page.read_text()


def test_the_architecture_shows_every_diagram() -> None:
    """Both pages of the architecture contain all diagrams."""
    for name in ("architecture.md", "architecture.fr.md"):
        text = (ROOT / "docs" / name).read_text()
        assert {found[2] for found in MARKER.finditer(text)} == {*DIAGRAMS}


def test_a_resource_of_another_kind_must_be_drawn() -> None:
    """A resource that no brick stands for is an error that names it, and the place to add it."""
    named = r"Cache \(AWS::ElastiCache::ServerlessCache\).*handover.diagrams.template_graph"
    with pytest.raises(DiagramError, match=named):
        _changed("Cache", {"Type": "AWS::ElastiCache::ServerlessCache", "Properties": {}})


def test_another_function_must_be_drawn() -> None:
    """A second resource of a known type is not taken for the first."""
    with pytest.raises(DiagramError, match="ThumbnailsFunction"):
        _changed("ThumbnailsFunction00000000", {"Type": "AWS::Lambda::Function", "Properties": {}})


def test_a_new_permission_between_bricks_must_be_drawn() -> None:
    """If `start_run` may use the catalog, the diagram does not stay as it is."""
    role = next(name for name in TEMPLATE["Resources"] if name.startswith("IntakeStartRunRole"))
    database = next(name for name in TEMPLATE["Resources"] if name.startswith("CatalogDatabase"))
    statement = {"Action": "glue:GetTable", "Effect": "Allow", "Resource": {"Ref": database}}
    policy = {"PolicyDocument": {"Statement": [statement]}, "Roles": [{"Ref": role}]}
    graph = _changed("Policy", {"Type": "AWS::IAM::Policy", "Properties": policy})
    with pytest.raises(DiagramError, match=r"connection.*'start_run', 'catalog'"):
        DIAGRAMS["bricks"](graph, Language.ENGLISH)


def test_a_brick_that_is_gone_is_not_drawn() -> None:
    """A diagram can't show a brick that the template no longer has."""
    template = copy.deepcopy(TEMPLATE)
    for name in [name for name in template["Resources"] if name.startswith("Schedules")]:
        del template["Resources"][name]
    with pytest.raises(DiagramError, match="schedules"):
        DIAGRAMS["bricks"](TemplateGraph(template), Language.ENGLISH)


def test_a_new_state_must_be_drawn() -> None:
    """A state of the state machine that belongs to no phase is an error."""
    text = json.dumps(TEMPLATE).replace("WaitForTurn", "WaitForWeather")
    with pytest.raises(DiagramError, match=r"state.*WaitForWeather"):
        DIAGRAMS["workflow"](TemplateGraph(json.loads(text)), Language.ENGLISH)


def test_the_numbers_of_the_boxes_come_from_the_template() -> None:
    """If the queue delivers seven times, the diagram says so."""
    text = json.dumps(TEMPLATE).replace('"maxReceiveCount": 5', '"maxReceiveCount": 7')
    assert "after 7 failures" in DIAGRAMS["bricks"](TemplateGraph(json.loads(text)), Language.ENGLISH)


def test_the_steps_are_those_that_a_run_reports() -> None:
    """The order of the steps is that of the code, also of the functions that a function calls."""
    source = """
def process(this):
    with this.clock.step("start"): ...
    return _steps(this)

def _steps(this):
    with this.clock.step("list"): ...
    found = _examine(this)
    with this.clock.step("publish"): ...

def _examine(this):
    with this.clock.step("curate"): ...

def maintain(this):
    with this.clock.step("sweep"): ...
"""
    assert steps_of(source) == ["start", "list", "curate", "publish"]
    assert steps_of(PIPELINE.read_text()) == [name for _, names in PARTS.values() for name in names]


@pytest.mark.parametrize("name", DIAGRAMS)
def test_both_languages_have_the_same_boxes_and_arrows(name: str) -> None:
    """A translation changes words, and nothing else."""
    graph = TemplateGraph(TEMPLATE)
    english, french = (DIAGRAMS[name](graph, language) for language in Language)
    assert english != french
    shape = re.compile(r'"[^"]*"|(?<=[a-z]): .*')
    assert shape.sub("", english) == shape.sub("", french)
