"""The program of a decoder process: it decodes one image after the other for the worker that started it.

`python -m spark_app.engine.decoder_program FILE_DESCRIPTOR` talks to the worker over a socket: it sends `READY`,
receives the bytes of a file with its `Limits` and `Decoding`, and answers each time with a `DecodedImage`, a
`RefusedImageError` or a `Crash`. It ends when the worker closes the socket, or has died.
"""

import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from spark_app.engine.bounds import Bounds, let_end, process_ends_after
from spark_app.engine.isolated_decoder import READY, Crash
from spark_app.engine.preprocessing import DecodedImage, decode, prepare_decoders
from spark_app.engine.refusals import RefusedImageError
from spark_app.settings import Decoding, Limits

MARGIN_SECONDS = 10.0
"""Time after which this process ends itself if the worker, which would have killed it, no longer exists."""


def main() -> None:
    """Answer until the worker closes the socket."""
    _die_first()
    let_end()
    prepare_decoders()
    with Connection(int(sys.argv[1])) as worker, suppress(EOFError, BrokenPipeError, ConnectionResetError):
        worker.send(READY)
        while True:
            body, limits, decoding = worker.recv()
            with process_ends_after(Bounds.of(limits).seconds + MARGIN_SECONDS):
                answer = _answer(body, limits, decoding)
            worker.send(answer)


def _die_first() -> None:
    """Have Linux kill this process rather than the worker or the JVM when the machine runs out of memory."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _answer(body: bytes, limits: Limits, decoding: Decoding) -> DecodedImage | RefusedImageError | Crash:
    try:
        return decode(body, limits, decoding)
    except RefusedImageError as refusal:
        return refusal
    except BaseException as error:  # noqa: BLE001 -- for instance MemoryError, or a panic of a decoder in Rust
        return Crash(f"the decoder raised {type(error).__name__}")


if __name__ == "__main__":
    main()
