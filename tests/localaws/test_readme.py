"""README.md of the local AWS describes the code."""

import re
from pathlib import Path

import localaws
from localaws.__main__ import _parser
from localaws.patches import MOTO

FOLDER = Path(localaws.__file__).parent

PAGE = (FOLDER / "README.md").read_text()


def test_the_page_describes_every_module() -> None:
    """A module that is added or removed is a change of the page."""
    modules = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.py")}
    described = set(re.findall(r"`([\w/]+\.py)`", PAGE))
    assert described == {name for name in modules if not name.endswith("__init__.py")} | {"resources/__init__.py"}


def test_the_page_names_every_option_and_the_version_of_moto() -> None:
    """A new option or another moto is a change of the page."""
    for action in _parser()._actions:  # noqa: SLF001 -- argparse has no other list of options
        assert action.dest == "help" or f"`{action.option_strings[0]}" in PAGE
    assert f"moto {MOTO}" in PAGE
