"""Tests of handover/figures/run.py, with a run of the pipeline over drawn pictures."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cli.sample import VARIETIES, draw_sample
from handover.errors import HandoverError
from handover.figures.__main__ import main
from handover.figures.run import RunFigures, components_for, run_figures

VIEWS = 6


@pytest.mark.slow
def test_the_figures_are_those_of_the_results(tmp_path: Path) -> None:
    """The command runs the pipeline, and its figures are those that pandas finds in the files of the results."""
    draw_sample(tmp_path / "images", VIEWS)
    words = ["run", "--images", str(tmp_path / "images"), "--weights", "seeded", "--output", str(tmp_path / "output")]
    assert main(["--file", str(tmp_path / "figures.json"), *words]) == 0
    found = json.loads((tmp_path / "figures.json").read_text())["run"]
    (results,) = (file.parent for file in tmp_path.glob("output/results/*/summary.json"))
    matrix, shares = pd.read_csv(results / "pca.csv"), pd.read_csv(results / "explained_variance.csv")["ratio"]
    assert (found["varieties"], found["rows"]) == (len(VARIETIES), VIEWS * len(VARIETIES))
    assert found["components"] == sum(column.startswith("pc_") for column in matrix.columns)
    assert found["images"] == found["rows"] + found["rejects"]
    assert found["rejects"] == len(pd.read_csv(results / "rejects.csv"))
    for count in (1, 2, 3, 10, 50):
        assert found[f"explained_{count}"] == pytest.approx(shares[:count].sum())
    assert found["matrix_bytes"] == (results / "pca.csv").stat().st_size
    findings = pd.read_csv(results / "findings.csv")["kind"].value_counts().to_dict()
    assert {kind: count for kind, count in found["findings"].items() if count} == findings
    assert str(tmp_path) not in json.dumps(found), "no path of this machine"


def test_an_output_without_results_is_refused(tmp_path: Path) -> None:
    """An output without a complete run has no figures, and the message says what to do."""
    with pytest.raises(HandoverError, match="run the pipeline first"):
        run_figures(tmp_path)


def test_components_are_counted_as_numpy_counts_them() -> None:
    """The number of components is the first whose cumulative share reaches the share asked for."""
    cumulative = np.cumsum(np.random.default_rng(0).dirichlet(np.ones(40))).tolist()
    for share in (0.1, 0.5, 0.9):
        assert components_for(share, cumulative) == int(np.searchsorted(cumulative, share)) + 1


def test_a_share_that_no_component_reaches_is_refused() -> None:
    """A run that keeps 85 % of the variance has no number of components for 90 %."""
    with pytest.raises(HandoverError, match="less than 90% of the variance"):
        components_for(0.9, [0.5, 0.85])


def test_an_update_makes_no_figures() -> None:
    """The images of a run that computed a part of its matrix don't add up, so it is refused."""
    figures = dict.fromkeys(RunFigures.__dataclass_fields__, 0) | {"images": 5, "rows": 600, "rejects": 0}
    with pytest.raises(HandoverError, match="delete its output"):
        RunFigures(**figures)
