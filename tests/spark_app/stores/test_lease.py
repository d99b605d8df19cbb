"""Tests of the lease of an output in a store outside of AWS, against the real conditions of the emulators."""

from datetime import timedelta

import pytest

from contract.layout import CONTROL, LEASE
from spark_app.errors import FencedOffError, OutputError
from spark_app.lease import held_lease
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
