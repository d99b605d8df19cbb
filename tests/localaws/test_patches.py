"""What is replaced in moto: it breaks loudly when moto changes."""

import json
import subprocess
import sys

import pytest

from localaws import patches
from localaws.account import LocalAwsError
from rehearsal.deployment import ROOT


class _Theirs:
    def call(self, name: str) -> str:
        return name

    @staticmethod
    def static(name: str) -> str:
        return name


@pytest.mark.parametrize(
    ("part", "least"), [("notifications", 1), ("functions", 12), ("workflows", 18), ("jobs", 7), ("cloudformation", 8)]
)
def test_a_moto_that_has_changed_is_found_out_at_once(part: str, least: int) -> None:
    """Whatever is replaced must be there, and take the parameters that it took: each is changed in its turn."""
    answer = subprocess.run(
        [sys.executable, "-m", "tests.localaws.changed_moto", part],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    count, unnoticed = json.loads(answer.stdout)
    assert count >= least
    assert unnoticed == []


def test_another_version_of_moto_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its inside may differ in ways that no signature shows."""
    monkeypatch.setattr(patches, "version", lambda _: "5.3.0")
    with pytest.raises(LocalAwsError, match=r"made for moto 5\.2\.5, not 5\.3\.0"):
        patches.replace(_Theirs, "static", str.upper, because="a test")


def test_a_replacement_has_the_name_and_the_parameters_of_the_replaced() -> None:
    """What is not there can't be replaced, and what is there by now need not be added."""
    with pytest.raises(LocalAwsError, match="has no missing"):
        patches.replace(_Theirs, "missing", lambda self: self, because="a test")
    with pytest.raises(LocalAwsError, match=r"takes \['self', 'name'\], not \['self'\] \(a test\)"):
        patches.replace(_Theirs, "call", lambda self: self, because="a test")
    with pytest.raises(LocalAwsError, match=r"has call in _Theirs by now"):
        patches.add(_Theirs, "call", lambda self: self, because="a test")
    original = patches.replace(_Theirs, "static", lambda name: name * 2, because="a test")
    assert (_Theirs.static("a"), original("a")) == ("aa", "a")
