"""Decoding in a process of its own, so that an image that kills its decoder kills no worker and is found."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path
from types import TracebackType
from typing import Self

from contract.rejects import Reason
from spark_app.engine.bounds import STDERR, Bounds
from spark_app.engine.preprocessing import DecodedImage
from spark_app.engine.refusals import RefusedImageError
from spark_app.errors import DecoderStartError
from spark_app.settings import DEFAULT_DECODING, Decoding, Limits

PROGRAM = "spark_app.engine.decoder_program"

READY = "ready"
"""What the process sends before it receives images."""

START_SECONDS = 120.0
"""Maximum time until the process is ready. It needs less than a second on an idle machine."""

SECONDS_BETWEEN_LOOKS = 0.01
"""Time between two looks at the memory of the process, in which it can take some 100 MB more."""

SECONDS_TO_DIE = 5.0
"""Time between the end of a process and its exit code, for instance while the system writes a core file."""


@dataclass(frozen=True)
class Crash:
    """How a decoder process failed at an image."""

    how: str
    """In words, for the detail of the refusal."""
    is_final: bool = False
    """Whether another process would fail at the image, too."""


Answer = DecodedImage | RefusedImageError | Crash


class IsolatedDecoder:
    """A decoder of images in another process, which is started again after an image has killed it.

    The process decodes many images. It is not a fork of the worker, whose libraries have threads.

    Parameters
    ----------
    bounds
        The most that the process may take for an image; `None` for the bounds of the limits.
    """

    def __init__(self, limits: Limits, bounds: Bounds | None = None, decoding: Decoding = DEFAULT_DECODING) -> None:
        self._limits = limits
        self._decoding = decoding
        self._bounds = bounds or Bounds.of(limits)
        self._process: _DecoderProcess | None = None

    def __enter__(self) -> Self:
        """Return the decoder. The process starts with the first image."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self._end_process()

    def decode(self, body: bytes) -> DecodedImage:
        """Decode an image, with the result of `preprocessing.decode`.

        An image that kills the process is tried once more in a new one, because the memory of the first one may have
        been that of earlier images, and the machine may have run out of memory for another reason.

        Raises
        ------
        RefusedImageError
            If the file contains no image that can be decoded within the limits, or kills its decoder.
        DecoderStartError
            If the process can't be started.
        """
        answer = self._try(body)
        if isinstance(answer, Crash) and not answer.is_final:
            answer = self._try(body)
        if isinstance(answer, Crash):
            raise RefusedImageError(Reason.CRASHED_THE_DECODER, answer.how)
        if isinstance(answer, RefusedImageError):
            raise answer
        return answer

    def _try(self, body: bytes) -> Answer:
        if self._process is None:
            self._process = _DecoderProcess()
        answer = self._process.ask((body, self._limits, self._decoding), self._bounds)
        if isinstance(answer, Crash):
            self._end_process()
        return answer

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None


class _DecoderProcess:
    """A running `decoder_program`.

    Raises
    ------
    DecoderStartError
        If the process does not become ready.
    """

    def __init__(self) -> None:
        self._socket, theirs = Pipe()
        with theirs:
            # The process finds the application and its libraries where this one does, in a ZIP archive too.
            self._process = subprocess.Popen(  # noqa: S603 -- our own interpreter
                [sys.executable, "-P", "-m", PROGRAM, str(theirs.fileno())],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=STDERR,
            )
        if not self._becomes_ready():
            how = self._how_it_ended()
            self.end()
            raise DecoderStartError(f"The process that decodes images can't start: {how}. The log says why.")

    def _becomes_ready(self) -> bool:
        try:
            return self._socket.poll(START_SECONDS) and self._socket.recv() == READY
        except (EOFError, OSError):
            return False

    def ask(self, question: tuple[bytes, Limits, Decoding], bounds: Bounds) -> Answer:
        """Return the answer to a file; a `Crash` if the process has died or exceeds the bounds."""
        start = time.monotonic()
        try:
            self._socket.send(question)
            while not self._socket.poll(SECONDS_BETWEEN_LOOKS):
                if time.monotonic() - start > bounds.seconds:
                    return Crash(f"the decoder took more than {bounds.seconds:g} seconds", is_final=True)
                if self._memory() > bounds.gigabytes * 1e9:
                    return Crash(f"the decoder took more than {bounds.gigabytes:g} GB of memory")
            answer: Answer = self._socket.recv()
        except (EOFError, OSError):
            return Crash(self._how_it_ended())
        return answer

    def _memory(self) -> int:
        """Return the resident memory of the process in bytes; 0 on a system that has no `/proc`."""
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        except OSError:
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(SECONDS_TO_DIE)
        except subprocess.TimeoutExpired:
            return "the decoder did not answer"
        if code < 0:
            return f"{signal.Signals(-code).name} killed the decoder"
        return f"the decoder exited with code {code}"

    def end(self) -> None:
        """End the process, in the middle of an image if need be."""
        self._socket.close()
        self._process.kill()
        self._process.wait()
