"""The report of a failed job, for the state machine and the operator: ``results/<run_id>/failure.json``."""

import argparse
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from contract.job import JobFailure, JobOption
from contract.layout import OUTPUT_MARK, job_failure
from contract.runs import is_run_id
from spark_app.errors import FruitsError
from spark_app.settings import as_url
from spark_app.storage import Storage

SECONDS = 60.0
"""Time that a report may take. The storage may be what has failed."""

LONGEST = 1_000
"""Characters of a reason. The rest is in the log."""


@dataclass(frozen=True)
class FailureReport:
    """The place of the report of a run."""

    root: Storage
    run_id: str

    @classmethod
    def of(cls, argv: Sequence[str]) -> Self | None:
        """Find the place in a command line, which may be wrong in other respects; `None` without `--run-id`."""
        parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
        parser.add_argument(JobOption.RUN_ID)
        parser.add_argument(JobOption.OUTPUT)
        try:
            found, _ = parser.parse_known_args(argv)
            if found.run_id and found.output and is_run_id(found.run_id):
                return cls(Storage(as_url(found.output)), found.run_id)
        except (argparse.ArgumentError, FruitsError):
            pass
        return None

    def write(self, exit_code: int, reason: str) -> None:
        """Write the report, or say in the log that this is impossible. It takes no longer than `SECONDS`."""
        faults = ["the storage does not answer"]
        thread = threading.Thread(target=self._attempt, args=(exit_code, reason, faults), daemon=True)
        thread.start()
        thread.join(SECONDS)
        for fault in faults:
            print(f"fruits: the failure is not recorded in {job_failure(self.run_id)}: {fault}", file=sys.stderr)  # noqa: T201 -- the log of the job

    def remove(self) -> None:
        """Remove the report of an earlier attempt with the same run id.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        if self._is_output() and self.root.find(job_failure(self.run_id)):
            self.root.delete([job_failure(self.run_id)])

    def _attempt(self, exit_code: int, reason: str, faults: list[str]) -> None:
        failure = JobFailure(run_id=self.run_id, exit_code=exit_code, reason=_shortened(reason))
        try:
            if self._is_output():
                self.root.write(job_failure(self.run_id), failure.to_json().encode(errors="backslashreplace"))
            faults.clear()
        except FruitsError as error:
            faults[:] = [str(error)]

    def _is_output(self) -> bool:
        """Return whether a run may write here: a folder may be the user's, which the run has refused."""
        return not self.root.is_local or (self.root.local_path / OUTPUT_MARK).is_file()


def _shortened(reason: str) -> str:
    one_line = " ".join(reason.split())
    return one_line if len(one_line) <= LONGEST else f"{one_line[: LONGEST - 4]} ..."
