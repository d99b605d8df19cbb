"""The lease of an output in a store outside of AWS: it keeps a second run away, as the lock of a folder does.

In AWS, the state machine coordinates the runs. Elsewhere, a run creates an object, which the store lets one process do
only, and writes it again every minute. After a crash, the object stays; when it has not changed for five minutes, the
next run takes it over. A run that was suspended for so long finds another version, and stops before it commits.
"""

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contract.layout import CONTROL, LEASE
from spark_app.errors import FencedOffError, OutputError, StorageError
from spark_app.storage import Forbidden, Storage

RENEWAL = 60.0
"""Seconds between two renewals."""

LASTS = timedelta(minutes=5)
"""Time after which a lease that is not renewed may be taken."""


@dataclass
class Lease:
    """The lease that this process holds."""

    root: Storage
    run_id: str
    version: str
    """Version of the object, which another run would change."""
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def check(self) -> None:
        """Check that no other run has taken the lease.

        Raises
        ------
        FencedOffError
            If another run has taken it, or if it was deleted.
        StorageError
            If the storage fails.
        """
        with self._mutex:
            version = _own_version(self.root, self.run_id)
            if version is None:
                raise FencedOffError(f"Another run has taken the lease of {self.root.display}: this run has stopped.")
            self.version = version

    def renew(self) -> bool:
        """Write the lease again, and return whether this run still holds it.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with self._mutex:
            version = _written(self.root, self.run_id, self.version)
            self.version = version or self.version
            return version is not None

    def end(self) -> None:
        """Delete the lease if this run still holds it. If the storage fails, the lease ends by itself."""
        with suppress(FencedOffError, StorageError):
            self.check()
            self.root.delete([LEASE])


@contextmanager
def held_lease(root: Storage, run_id: str) -> Iterator[Lease]:
    """Take the lease, renew it during the body, and end it.

    Raises
    ------
    OutputError
        If another run holds it.
    StorageError
        If the storage fails.
    """
    version = _written(root, run_id, None) or _taken_over(root, run_id)
    lease, is_over = Lease(root, run_id, version), threading.Event()
    thread = threading.Thread(target=_keep, args=(lease, is_over), daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        is_over.set()
        thread.join()
        lease.end()


def _keep(lease: Lease, is_over: threading.Event) -> None:
    """Renew a lease until it is over or lost. The next check of the run finds a loss."""
    while not is_over.wait(RENEWAL):
        try:
            if not lease.renew():
                return
        except StorageError:
            continue  # the storage may answer again before the lease ends


def _written(root: Storage, run_id: str, version: str | None) -> str | None:
    """Write a lease of this version, and return its new version; `None` if it is of another run.

    The storage may have written it although this process got no answer, and refuses the repetition.
    """
    return root.write_if(LEASE, _document(run_id), version) or _own_version(root, run_id)


def _own_version(root: Storage, run_id: str) -> str | None:
    """Return the version of the lease if this process has written it, also if it got no answer; `None` otherwise."""
    try:
        found = root.fetch(LEASE)
    except Forbidden as error:
        raise StorageError(f"Can't read {root.url}/{LEASE}: {error}") from error
    return found.etag if found and found.body == _document(run_id) else None


def _taken_over(root: Storage, run_id: str) -> str:
    """Take a lease that has ended in the meantime or was not renewed, and return its version."""
    found, renewed, now = root.find(LEASE), root.modified(LEASE), _now(root, run_id)
    present = found[1] if found and renewed else None
    is_free = renewed is None or now - renewed > LASTS
    if is_free and (version := _written(root, run_id, present)):
        return version
    raise OutputError(
        f"Another run is working on {root.display}, or has died less than {LASTS.seconds // 60} minutes ago: wait "
        f"until it has ended ({LEASE} names its machine)."
    )


def _now(root: Storage, run_id: str) -> datetime:
    """Return the time by the clock of the storage, because the clock of this machine may differ."""
    probe = f"{CONTROL}{run_id}.time"
    root.write(probe, b"")
    try:
        written = root.modified(probe)
    finally:
        root.delete([probe])
    if written is None:
        raise StorageError(f"{root.display} has lost an object that was just written.")
    return written


def _document(run_id: str) -> bytes:
    return json.dumps({"run_id": run_id, "machine": socket.gethostname(), "process": os.getpid()}).encode()
