"""An inbox of many files: `python -m benchmarks.notices --files 20000`.

Each file contains one notice, as after uploads that trickle in while runs fail. The program prints the seconds that
a run needs to list, read and stage the notices, and how much memory its driver takes for it. With `--milliseconds`,
each answer of the storage takes so much longer, as in S3.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

from contract.layout import notices_file
from contract.notices import Notice, NoticeType
from contract.runs import new_run_id
from spark_app.stages.inbox import read_inbox
from spark_app.storage import FetchedObject, Storage


def main() -> None:
    """Measure, and print a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--milliseconds", type=float, default=0.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = _inbox(Path(folder), arguments.files)
        if arguments.milliseconds:
            _slow_down(arguments.milliseconds / 1000)
        before, start = _peak(), time.perf_counter()
        inbox = read_inbox(root, "staging/run/")
        seconds = time.perf_counter() - start
        print(f"{inbox.notices:,} notices in {seconds:.1f} s, {(_peak() - before) / 1e6:.0f} MB more of memory")


def _inbox(folder: Path, files: int) -> Storage:
    root = Storage(folder.as_uri())
    for number in range(files):
        notice = Notice(
            key=f"Plum/{number:06}.jpg", op=NoticeType.CREATED, etag="1", size=1, sequencer=f"{number:018X}"
        )
        root.write(notices_file(f"{new_run_id()}-{number:06}"), f"{notice.to_json()}\n".encode())
    return root


def _slow_down(seconds: float) -> None:
    fetch = Storage.fetch

    def slow(self: Storage, key: str, *arguments: float) -> FetchedObject | None:
        time.sleep(seconds)
        return fetch(self, key, *arguments)

    setattr(Storage, "fetch", slow)  # noqa: B010 -- mypy refuses assignments to methods


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
