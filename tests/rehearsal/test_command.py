"""Tests of the plug-in `fruits rehearse` that need no local AWS."""

from importlib.machinery import ModuleSpec

import pytest

from cli.main import main
from rehearsal.command import SUBCOMMANDS


def test_an_installation_without_moto_gets_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without moto, a package for development, the command says how to install it, and exits with code 2."""

    def find_spec(name: str) -> ModuleSpec | None:
        return None if name == "moto" else ModuleSpec(name, None)

    monkeypatch.setattr("rehearsal.command.find_spec", find_spec)
    assert main(["rehearse"]) == 2
    err = capsys.readouterr().err
    assert err == "fruits: `fruits rehearse` needs moto, a package for development: run `make .venv/ready`.\n"


def _interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_an_interruption_says_what_is_left_of_each_subcommand(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the subcommands that clean up after Ctrl-C say that nothing is left behind; `status` leaves the stack up."""
    monkeypatch.setattr("rehearsal.command._functions", lambda: dict.fromkeys(SUBCOMMANDS, _interrupted))
    assert main(["rehearse", name]) == 130
    err = capsys.readouterr().err
    assert err.startswith("\nfruits: Interrupted.")
    assert ("Nothing is left behind." in err) == (name in {"run", "up"})
