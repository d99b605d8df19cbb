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
from spark_app.storage import Storage

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
            found = self.root.find(LEASE)
            if found is None or found[1] != self.version:
                raise FencedOffError(f"Another run has taken the lease of {self.root.display}: this run has stopped.")

    def renew(self) -> bool:
        """Write the lease again, and return whether this run still holds it.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with self._mutex:
            version = self.root.write_if(LEASE, _document(self.run_id), self.version)
            self.version = version or self.version
            return version is not None

    def end(self) -> None:
        """Delete the lease if this run still holds it.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with suppress(FencedOffError):
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
    version = root.write_if(LEASE, _document(run_id), None) or _taken_over(root, run_id)
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


def _taken_over(root: Storage, run_id: str) -> str:
    """Take a lease that was not renewed, and return its version."""
    found, renewed, now = root.find(LEASE), root.modified(LEASE), _now(root, run_id)
    if found and renewed and now - renewed > LASTS and (version := root.write_if(LEASE, _document(run_id), found[1])):
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
