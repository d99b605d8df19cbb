"""Tests of what the README promises: its recipe is executed, its options are those of the command."""

import argparse
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.run import add_master
from spark_app.arguments import add_arguments, default_text
from spark_app.basis_file import basis_to_npz
from spark_app.npz import from_npz
from spark_app.numerics.components import ComponentCount
from spark_app.numerics.pca import fit
from spark_app.numerics.statistics import Statistics
from spark_app.settings import FEATURE_COUNT

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("standardize", [False, True])
def test_the_recipe_makes_a_scikit_learn_pca_of_the_basis(
    standardize: bool,  # noqa: FBT001 -- a parameter
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lines, copied as they are, give the published coordinates."""
    features = np.random.default_rng(0).normal(3, 2, (50, 8)) * np.arange(1, 9)
    basis = fit(Statistics.of(features), ComponentCount(4), standardize=standardize)
    (tmp_path / "basis.npz").write_bytes(basis_to_npz(basis))
    np.savez(tmp_path / "features.npz", features=features)
    monkeypatch.chdir(tmp_path)
    np.testing.assert_allclose(executed("basis = ")["coordinates"], basis.project(features), atol=1e-9)


def test_the_table_of_the_basis_is_that_of_the_file() -> None:
    """The README lists every array of `basis.npz` with its shape, and no other array."""
    features = np.random.default_rng(0).normal(3, 2, (2000, FEATURE_COUNT))
    basis = from_npz(basis_to_npz(fit(Statistics.of(features), ComponentCount(4), standardize=True)))
    (table,) = re.findall(r"\| array \| shape .*?\n\|---.*?\n(.*?)\n\n", README, re.DOTALL)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    shapes = {name: shape for names, shape, _ in rows for name in re.findall(r"`(\w+)`", names)}
    axes = {4: "k", FEATURE_COUNT: str(FEATURE_COUNT)}
    assert shapes == {name: " x ".join(axes[length] for length in array.shape) for name, array in basis.items()}


def executed(containing: str) -> dict[str, Any]:
    """Execute the recipe that contains a text as a user does who copies it, and return its variables."""
    (recipe,) = (code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if containing in code)
    names: dict[str, Any] = {}
    exec(recipe, names)  # noqa: S102 -- our own README
    return names


def test_the_table_of_options_is_the_commands() -> None:
    """The README lists every option that a laptop needs, with its default value, and no other option."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    add_master(parser)
    defaults = {action.option_strings[-1]: action.default for action in parser._actions}  # noqa: SLF001
    not_listed = {"--catalog", "--database", "--run-id", "--fenced", "--help", "--images", "--output"}
    expected = {option: default for option, default in defaults.items() if option not in not_listed}
    rows = re.findall(r"^\| (`--.*?) \| .* \| (.*?) \|$", README, re.MULTILINE)
    listed = {
        option: default.strip("`")
        for names, values in rows
        for option, default in zip(re.findall(r"--[\w-]+", names), values.split(", "), strict=True)
    }
    assert listed == {
        option: "off" if default is False else default_text(default) for option, default in expected.items()
    }


def test_every_place_that_the_readme_names_exists() -> None:
    """The README refers to existing files only."""
    packages = "spark_app|contract|cli|cdk|lambdas|localaws|localspark|rehearsal"
    places = re.findall(rf"`((?:{packages})/[\w./]*)`", README) + re.findall(r"\]\(((?:docs|localaws)/.*?)\)", README)
    assert len(places) > 8
    assert [place for place in places if not (Path(__file__).parents[1] / place).exists()] == []
