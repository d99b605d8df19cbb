"""Tests of the lease of an output in a store outside of AWS, against the real conditions of the emulators."""

import io
import threading
from contextlib import nullcontext, suppress
from datetime import timedelta

import pytest

from contract.layout import CONTROL, LEASE
from spark_app.errors import FencedOffError, OutputError, StorageError
from spark_app.lease import held_lease
from spark_app.output import owned_output
from spark_app.progress import PlainReporter
from spark_app.run import Run
from spark_app.settings import RunSettings
from spark_app.storage import Storage
from tests.spark_app.stores.conftest import Emulated


@pytest.fixture
def root(emulated: Emulated) -> Storage:
    """Return an empty output."""
    return Storage(f"{emulated.scheme}://{emulated.new_bucket()}/output")


def test_a_lease_has_one_holder_and_ends_with_its_run(root: Storage) -> None:
    """A second run is refused while the first one works, and is accepted afterwards."""
    with held_lease(root, "first") as lease:
        with pytest.raises(OutputError, match=f"Another run is working on {root.url}"), held_lease(root, "second"):
            pass
        lease.check()
    with held_lease(root, "second") as lease:
        lease.check()
    assert not [batch for batch in root.list_objects(CONTROL) if batch.num_rows]


def test_a_lease_stays_valid_when_it_is_renewed(root: Storage) -> None:
    """A renewal changes the version of the object, and the run goes on."""
    with held_lease(root, "first") as lease:
        before = lease.version
        assert lease.renew()
        assert lease.version != before
        lease.check()


def test_the_lease_of_a_crashed_run_is_taken_over(root: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a lease was not renewed for long enough, the next run gets it."""
    root.write(LEASE, b"of a run that has crashed")
    monkeypatch.setattr("spark_app.lease.LASTS", timedelta(seconds=-1))
    with held_lease(root, "second") as lease:
        lease.check()


def test_a_run_that_has_lost_its_lease_stops_and_leaves_it_to_the_other(root: Storage) -> None:
    """A run that was suspended for long neither commits nor removes the lease of the run that has taken its place."""
    with held_lease(root, "first") as lease:
        root.write(LEASE, b"of another run")
        assert not lease.renew()
        with pytest.raises(FencedOffError, match="Another run has taken the lease"):
            lease.check()
    assert root.read(LEASE) == b"of another run"


def _without_answers(monkeypatch: pytest.MonkeyPatch, *, is_repeated: bool) -> None:
    """Lose the answers to conditional writes that succeed. A client that repeats them finds its own object."""
    write_if = Storage.write_if

    def lose(root: Storage, key: str, body: bytes, version: str | None) -> str | None:
        if write_if(root, key, body, version) and not is_repeated:
            raise StorageError("The line is broken")
        return None

    monkeypatch.setattr(Storage, "write_if", lose)


@pytest.mark.parametrize("is_repeated", [False, True])
def test_a_renewal_whose_answer_was_lost_is_a_renewal(
    root: Storage, *, is_repeated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run does not take its own writing of the lease for that of another run."""
    with held_lease(root, "first") as lease:
        for goes_on in (lease.check, lease.renew):
            before = lease.version
            with monkeypatch.context() as patch, suppress(StorageError):
                _without_answers(patch, is_repeated=is_repeated)
                assert lease.renew()
            assert goes_on() in {None, True}
            assert lease.version != before
        lease.check()
    assert root.find(LEASE) is None


def test_a_run_takes_a_lease_whose_answer_was_lost(root: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repetition of the first write finds the lease of this run, which is no reason to refuse it."""
    _without_answers(monkeypatch, is_repeated=True)
    with held_lease(root, "first") as lease:
        lease.check()


def test_a_lease_that_is_released_while_it_is_looked_at_is_taken(
    root: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that begins just as another one ends is not refused."""
    root.write(LEASE, b"of a run that is about to end")
    write_if = Storage.write_if

    def end_after(root: Storage, key: str, body: bytes, version: str | None) -> str | None:
        written = write_if(root, key, body, version)
        if written is None:
            root.delete([LEASE])
        return written

    monkeypatch.setattr(Storage, "write_if", end_after)
    with held_lease(root, "second") as lease:
        lease.check()


def _fail(*_: object) -> None:
    raise StorageError("The line is broken")


def _run(root: Storage, told: io.StringIO) -> Run:
    return Run(RunSettings(images="az://images", output=root.url), PlainReporter(told))


@pytest.mark.parametrize("error", [None, ZeroDivisionError])
def test_a_store_that_fails_at_the_end_does_not_fail_the_run_nor_hide_its_error(
    root: Storage, error: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that has published its results has succeeded; one that has failed reports its own error.

    The lease ends by itself, and the user is told what stays.
    """
    run = _run(root, told := io.StringIO())
    with monkeypatch.context() as patch, pytest.raises(error) if error else nullcontext(), owned_output(run):
        patch.setattr(Storage, "delete", _fail)
        patch.setattr(Storage, "delete_folder", _fail)
        if error:
            raise error
    assert root.find(LEASE) is not None
    assert f"The line is broken. What this run has staged in {run.staging} stays" in told.getvalue()


def test_a_run_looks_at_its_lease_before_it_changes_what_others_see(root: Storage) -> None:
    """The check that tables make before each commit includes the lease."""
    run = _run(root, io.StringIO())
    with owned_output(run):
        run.check_fence()
        root.write(LEASE, b"of another run")
        with pytest.raises(FencedOffError, match="Another run has taken the lease"):
            run.check_fence()


def test_a_lease_is_renewed_while_its_run_works(root: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a renewal, a run longer than five minutes would lose its output to the next run."""
    renewed, write_if = threading.Event(), Storage.write_if

    def notice(root: Storage, key: str, body: bytes, version: str | None) -> str | None:
        written = write_if(root, key, body, version)
        if written and version:
            renewed.set()
        return written

    monkeypatch.setattr("spark_app.lease.RENEWAL", 0.05)
    monkeypatch.setattr(Storage, "write_if", notice)
    with held_lease(root, "first") as lease:
        before = lease.version
        assert renewed.wait(30)
        lease.check()
        assert lease.version != before


def test_of_two_conditional_writes_one_succeeds(root: Storage) -> None:
    """The store itself decides, so that two runs which start at the same moment can't both go on."""
    version = root.write_if("x", b"1", None)
    assert version is not None
    assert root.write_if("x", b"2", None) is None
    following = root.write_if("x", b"3", version)
    assert following not in {None, version}
    assert root.write_if("x", b"4", version) is None
    assert root.read("x") == b"3"
    assert root.find("x") == (1, following)
