"""The replacements in moto: a changed moto is noticed, and moto is restored at the end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localaws import patches
from localaws.account import LocalAws, LocalAwsError
from localaws.alarm_actions import AlarmActions
from localaws.authorization import Authorization
from localaws.cloudformation import CloudFormation
from localaws.custom_resources import CustomResources
from localaws.functions import Functions
from localaws.interpreter import Interpreter
from localaws.jobs import Jobs
from localaws.metrics import Metrics
from localaws.notifications import Notifications
from localaws.patches import Original, Part, adds, replaces
from localaws.queues import Queues
from localaws.rules import Rules
from localaws.topics import Topics
from localaws.workflows import Workflows

PARTS: dict[str, Callable[[LocalAws, Metrics], Part]] = {
    "notifications": lambda aws, _: Notifications(aws),
    "queues": Queues,
    "functions": lambda aws, metrics: Functions(aws, Authorization(), metrics),
    "interpreter": lambda aws, _: Interpreter(aws),
    "workflows": lambda aws, metrics: Workflows(aws, Authorization(), metrics),
    "jobs": Jobs,
    "alarm actions": lambda aws, _: AlarmActions(aws),
    "rules": lambda aws, _: Rules(aws),
    "topics": lambda aws, _: Topics(aws),
    "cloudformation": lambda aws, _: CloudFormation(aws, CustomResources(aws)),
}


class _Theirs:
    def call(self, name: str, times: int = 1) -> str:
        return name * times

    @staticmethod
    def static(name: str) -> str:
        return name


class _Inherited(_Theirs):
    pass


@pytest.fixture
def aws(tmp_path: Path) -> LocalAws:
    """Return a local AWS without a server."""
    return LocalAws(port=1, folder=tmp_path)


@pytest.mark.parametrize(
    ("part", "least"),
    [
        ("notifications", 2),
        ("queues", 4),
        ("functions", 8),
        ("interpreter", 16),
        ("workflows", 5),
        ("jobs", 9),
        ("topics", 7),
        ("alarm actions", 1),
        ("rules", 3),
        ("cloudformation", 11),
    ],
)
def test_a_changed_moto_is_noticed_and_moto_is_restored(
    part: str, least: int, aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every function that a part replaces must exist with the same parameters; each one is changed in turn."""
    metrics = Metrics(aws)
    make = lambda: PARTS[part](aws, metrics)  # noqa: E731 -- a new part for each start
    places = _places(make, monkeypatch)
    assert len(places) >= least
    before = [vars(owner).get(name) for owner, name in places]
    for owner, name in places:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, lambda surprise: surprise, raising=False)
            with pytest.raises(LocalAwsError, match=name), make():
                pass
    for _ in range(2):
        with make():
            assert all(vars(owner)[name] is not old for (owner, name), old in zip(places, before, strict=True))
        assert [vars(owner).get(name) for owner, name in places] == before
    metrics.close()


def _places(make: Callable[[], Part], monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, str]]:
    """Start a part, and return the attributes of moto that it sets."""
    places: list[tuple[Any, str]] = []
    put = Part._put  # noqa: SLF001 -- observed here

    def record(self: Part, owner: Any, name: str, value: object) -> None:  # noqa: ANN401 -- any module or class
        places.append((owner, name))
        put(self, owner, name, value)

    with monkeypatch.context() as patch:
        patch.setattr(Part, "_put", record)
        with make():
            pass
    return places


def test_another_version_of_moto_is_refused(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version may differ in ways that no signature shows."""
    monkeypatch.setattr(patches, "version", lambda _: "5.3.0")
    with pytest.raises(LocalAwsError, match=r"made for moto 5\.2\.5, not 5\.3\.0"), Part(aws):
        pass


class _Doubled(Part):
    @replaces(_Theirs, "static", because="a test")
    def _static(self, original: Original, name: str) -> str:
        return str(original(name * 2))

    @replaces(_Inherited, "call", because="a test")
    def _call(self, original: Original, theirs: _Inherited, times: int, arguments: dict[str, Any]) -> str:
        return str(original(theirs, **arguments | {"times": times * 2}))

    @adds(_Theirs, "new", because="a test")
    def _new(self, theirs: _Theirs) -> str:
        return theirs.call("n")


def test_a_replacement_lasts_as_long_as_its_part(aws: LocalAws) -> None:
    """A method receives the original and its parameters; afterwards the class has only what it had before."""
    with _Doubled(aws):
        assert (_Theirs.static("a"), _Theirs().new(), _Inherited().call("b")) == ("aa", "n", "bb")
    assert (_Theirs.static("a"), _Inherited().call("b")) == ("a", "b")
    assert not hasattr(_Theirs, "new")
    assert "call" not in vars(_Inherited)


def test_a_replacement_has_the_name_and_the_parameters_of_the_original(aws: LocalAws) -> None:
    """A function that does not exist can't be replaced, and a function that exists can't be added."""

    class Missing(Part):
        @replaces(_Theirs, "missing", because="a test")
        def _missing(self, original: Original, theirs: _Theirs) -> None: ...

    class Fewer(Part):
        @replaces(_Theirs, "call", because="a test")
        def _fewer(self, original: Original, theirs: _Theirs) -> None: ...

    class Other(Part):
        @replaces(_Theirs, "call", because="a test")
        def _other(self, original: Original, theirs: _Theirs, colour: str, arguments: object) -> None: ...

    class Present(Part):
        @adds(_Theirs, "call", because="a test")
        def _present(self, theirs: _Theirs) -> None: ...

    for part, message in (
        (Missing, "has no missing"),
        (Fewer, r"takes \['self', 'name', 'times'\], not \['self'\] \(a test\)"),
        (Other, r"takes .* not \['self', 'colour', 'arguments'\]"),
        (Present, "has call in _Theirs by now"),
    ):
        with pytest.raises(LocalAwsError, match=message), part(aws):
            pass
