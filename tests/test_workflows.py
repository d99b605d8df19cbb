"""Tests of the workflows that GitHub runs: an independent program checks them, and they use only what is pinned."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONLINT = ROOT / "build" / "actionlint"


def test_actionlint_finds_no_mistake() -> None:
    """GitHub accepts the workflows: their syntax, expressions, inputs and permissions are valid."""
    if not ACTIONLINT.is_file():
        pytest.skip("actionlint is not installed: `make build/actionlint` builds it with Go")
    found = subprocess.run([ACTIONLINT, "-no-color", *WORKFLOWS], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_of_others_are_pinned_by_their_commit(workflow: Path) -> None:
    """A moved tag does not change what a workflow executes: each action has a commit, and a comment with its tag."""
    for action in re.findall(r"uses: (.*)", workflow.read_text()):
        assert action.startswith("./") or re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", action), action


def test_only_deployments_get_a_token_for_aws() -> None:
    """The tests, which also run for pull requests, can't assume the role that deploys; no workflow has access keys."""
    texts = {path.stem: path.read_text() for path in WORKFLOWS}
    assert {name for name, text in texts.items() if "id-token: write" in text} == {"deploy", "deploy-to"}
    assert not any("secrets." in text or "access-key" in text for text in texts.values())


def test_ci_runs_what_everybody_can_run() -> None:
    """GitHub runs the same script as any other CI, so that a failure can be repeated on a laptop."""
    assert "- run: .ci/run\n" in (ROOT / ".github/workflows/ci.yml").read_text()
