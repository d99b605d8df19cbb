"""Tests of what `make benchmark` makes of the figures: the table, the JSON document, the chart, and the exit code."""

import json
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

from benchmarks import __main__ as program
from benchmarks.chart import chart_of, margin
from benchmarks.measurement import Comparison, Figure, Section, Setting
from benchmarks.results import Outcome, Results

SECTION = Section(
    "Reading & writing",
    (Figure("read", "s", (3.0, 1.0, 2.0)),),
    (
        Comparison("fast / <slow>", (0.5, 0.6, 0.7), at_most=0.8),
        Comparison("rate", (0.9,), at_least=0.97),
        Comparison("without a target", (5.0,)),
    ),
)
CIRCUMSTANCES = {
    "date": "2026-01-01",
    "size": "small",
    "rounds": 3,
    "images": "drawn",
    "weights": "seeded",
    "machine": {"processor": "a processor", "cores": 2, "memory_gb": 24, "system": "Linux", "load": 0.1},
    "versions": {"Python": "3.13"},
}
RESULTS = Results(CIRCUMSTANCES, (Outcome("reading", 1.0, SECTION), Outcome("broken", 1.0, None, "OSError: no")))


def test_a_comparison_is_reached_within_its_bounds() -> None:
    """The median of the ratios decides, and both bounds count."""
    assert [one.is_reached for one in SECTION.comparisons] == [True, False, True]
    assert not Comparison("equal", (1.2,), at_least=0.9, at_most=1.1).is_reached


def test_a_figure_without_values_is_refused() -> None:
    """A benchmark that measured nothing can't return a figure."""
    with pytest.raises(ValueError, match="no values"):
        Figure("read", "s", ())


def test_the_table_marks_missed_targets_and_failed_benchmarks() -> None:
    """The table has the median and the range of each figure, and says which targets were missed."""
    table = RESULTS.to_markdown()
    assert "| read | s | 2.00 (1.00 to 3.00) |" in table
    assert "| fast / <slow> | 0.600 (0.500 to 0.700) | ≤ 0.8 | reached |" in table
    assert "| rate | 0.900 | ≥ 0.97 | **missed** |" in table
    assert "| without a target | 5.00 |  |  |" in table
    assert "Targets missed: 1 of 2." in table
    assert "This benchmark failed: OSError: no" in table


def test_the_json_document_has_every_value() -> None:
    """The document contains the values of all rounds, the machine, the versions, and the errors."""
    document = json.loads(RESULTS.to_json())
    reading, broken = document["benchmarks"]
    assert reading["figures"] == [{"name": "read", "unit": "s", "values": [3.0, 1.0, 2.0], "median": 2.0}]
    assert [one["is_reached"] for one in reading["comparisons"]] == [True, False, True]
    assert broken["error"] == "OSError: no"
    assert document["machine"]["cores"] == 2
    assert document["versions"] == {"Python": "3.13"}


def test_the_chart_draws_the_comparisons_with_a_target() -> None:
    """A bar is longer than the line of the targets if the target was reached. Without a target there is no bar."""
    texts = [element.text for element in ET.fromstring(chart_of(RESULTS)) if element.tag.endswith("text")]  # noqa: S314 -- our own SVG
    assert "fast / <slow>" in texts
    assert "without a target" not in texts
    reached, missed = map(margin, SECTION.comparisons[:2])
    assert reached is not None
    assert missed is not None
    assert missed < 1 < reached


def test_a_failing_benchmark_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others still run, their results are written, and the exit code tells of the failure."""

    def failing(_: Setting) -> Section:
        raise OSError("no")

    for name, measure in {"first": failing, "second": lambda _: SECTION}.items():
        module = ModuleType(f"benchmarks.{name}")
        module.measure = measure  # type: ignore[attr-defined]  # a module made here
        monkeypatch.setitem(sys.modules, f"benchmarks.{name}", module)
    monkeypatch.setattr(program, "BENCHMARKS", ("first", "second"))
    output = tmp_path / "output"
    (tmp_path / "a.jpg").touch()
    assert program.main(["--size", "small", "--images", str(tmp_path), "--output", str(output)]) == 1
    first, second = json.loads((output / "results.json").read_text())["benchmarks"]
    assert first["error"] == "OSError: no"
    assert second["title"] == "Reading & writing"
    assert (output / "results.md").read_text() in capsys.readouterr().out


def test_a_folder_without_images_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The benchmarks need JPEG files, and say so before they measure."""
    with pytest.raises(SystemExit, match="2"):
        program.main(["--size", "small", "--images", str(tmp_path)])
    assert f"there are no .jpg files in {tmp_path}" in capsys.readouterr().err


def test_all_benchmarks_are_in_the_list() -> None:
    """`make benchmark` runs every module that measures by the common interface."""
    folder = Path(program.__file__).parent
    measuring = {file.stem for file in folder.glob("*.py") if "\ndef measure(setting: Setting" in file.read_text()}
    assert measuring == set(program.BENCHMARKS)
