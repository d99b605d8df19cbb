"""Tests of the decoder in a process of its own: it decodes as the worker does, and survives any image."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from contract.rejects import Reason
from spark_app.engine.bounds import Bounds
from spark_app.engine.isolated_decoder import IsolatedDecoder
from spark_app.engine.preprocessing import DecodedImage, decode, prepare_decoders
from spark_app.engine.refusals import RefusedImageError
from spark_app.errors import DecoderStartError
from spark_app.settings import Limits

ROOT = Path(__file__).parents[3]
POISON = Path(__file__).parents[1] / "poison"
LIMITS = Limits()


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the type of file that kills the process of a decoder."""
    monkeypatch.syspath_prepend(POISON)


def _outcome(decoder: Callable[[bytes], DecodedImage], body: bytes) -> DecodedImage | tuple[Reason, str]:
    try:
        return decoder(body)
    except RefusedImageError as refusal:
        return refusal.reason, refusal.detail


def test_an_isolated_decoder_decodes_as_the_worker_does(sample: Path) -> None:
    """Pixels, sizes and refusals in another process equal those in this one, and one process decodes all images."""
    prepare_decoders()
    bodies = [file.read_bytes() for file in sorted(sample.rglob("*")) if file.is_file()]
    processes = set()
    with IsolatedDecoder(LIMITS) as decoder:
        for body in bodies:
            isolated, here = _outcome(decoder.decode, body), _outcome(lambda body: decode(body, LIMITS), body)
            if isinstance(here, DecodedImage):
                assert isinstance(isolated, DecodedImage)
                np.testing.assert_array_equal(isolated.pixels, here.pixels)
                assert (isolated.width, isolated.height) == (here.width, here.height)
            else:
                assert isolated == here
            processes.add(decoder._process)  # noqa: SLF001 -- whether the process is the same
    assert len(bodies) == 67
    assert len(processes) == 1


@pytest.mark.usefixtures("poison")
@pytest.mark.parametrize(
    ("way", "detail"),
    [
        ("SIGKILL", "SIGKILL killed the decoder"),
        ("SIGSEGV", "SIGSEGV killed the decoder"),
        ("SIGABRT", "SIGABRT killed the decoder"),
        ("exit", "the decoder exited with code 7"),
        ("memory", "the decoder raised MemoryError"),
        pytest.param(
            "hoard",
            "the decoder took more than 0.5 GB of memory",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc"),
        ),
    ],
)
def test_an_image_that_ends_its_decoder_is_refused(way: str, detail: str, picture: Callable[..., bytes]) -> None:
    """However an image ends the process, it is refused with a detail that says how, and the next image is decoded."""
    with IsolatedDecoder(LIMITS, Bounds(seconds=120, gigabytes=0.5)) as decoder:
        for _ in range(2):
            with pytest.raises(RefusedImageError) as refusal:
                decoder.decode(f"POISON {way} ".encode())
            assert (refusal.value.reason, refusal.value.detail) == (Reason.CRASHED_THE_DECODER, detail)
            assert decoder.decode(picture("PNG")).width == 256


@pytest.mark.usefixtures("poison")
def test_an_image_that_is_decoded_for_ever_is_refused(picture: Callable[..., bytes]) -> None:
    """An image that takes longer than the bound is refused, and the next image is decoded."""
    with IsolatedDecoder(LIMITS, Bounds(seconds=0.2, gigabytes=2)) as decoder:
        with pytest.raises(RefusedImageError) as refusal:
            decoder.decode(b"POISON endless ")
        assert refusal.value.detail == "the decoder took more than 0.2 seconds"
    with IsolatedDecoder(LIMITS) as decoder:
        assert decoder.decode(picture("PNG")).width == 256


@pytest.mark.usefixtures("poison")
def test_what_earlier_images_left_is_no_fault_of_an_image(picture: Callable[..., bytes]) -> None:
    """An image that ends only a process that has decoded others is tried again in a new one, whose answer counts."""
    with IsolatedDecoder(LIMITS) as decoder:
        decoder.decode(picture("PNG"))
        with pytest.raises(RefusedImageError) as refusal:
            decoder.decode(b"POISON if-used ")
    assert refusal.value.reason is Reason.NOT_AN_IMAGE


def test_a_process_that_does_not_start_refuses_no_image(
    tmp_path: Path, picture: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the process can't start, an error says so: no image is to blame."""
    (tmp_path / "pillow_heif.py").write_text("raise ImportError('broken installation')")
    monkeypatch.syspath_prepend(tmp_path)
    with IsolatedDecoder(LIMITS) as decoder, pytest.raises(DecoderStartError, match="exited with code 1"):
        decoder.decode(picture("PNG"))


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program until it, and every process that has its stderr, has ended."""
    path = f"import sys; sys.path[:0] = {[str(POISON), str(ROOT)]}\nimport os, signal, sitecustomize\n"
    return subprocess.run(
        [sys.executable, "-c", path + program, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_process_ends_with_its_worker() -> None:
    """If the worker is killed, its decoder process ends, too."""
    answer = _run("""
from spark_app.engine.isolated_decoder import *
with IsolatedDecoder(Limits()) as decoder:
    try:
        decoder.decode(b"no image")
    except RefusedImageError as refusal:
        print(refusal.reason, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
""")
    assert (answer.returncode, answer.stdout) == (-9, "not_an_image\n")


def test_an_image_that_is_decoded_for_ever_ends_the_worker() -> None:
    """In the first attempt of a task, an image that takes too long ends the worker, so that another attempt begins."""
    answer = _run("""
from spark_app.engine import bounds
from spark_app.settings import DEFAULT_DECODING, Limits
bounds.SECONDS = 0.2
from spark_app.stages.features import _decoder_here
_decoder_here(Limits(), DEFAULT_DECODING)(b"POISON endless ")
""")
    assert answer.returncode == -signal.SIGALRM
    assert "_never_end" in answer.stderr


def test_a_process_that_was_started_with_signals_ignored_ends_in_time() -> None:
    """A program may have started Spark with `SIGALRM` ignored, which its processes inherit."""
    answer = _run("""
from spark_app.engine.bounds import let_end, process_ends_after
signal.signal(signal.SIGALRM, signal.SIG_IGN)
let_end()
with process_ends_after(0.2):
    while True:
        pass
""")
    assert answer.returncode == -signal.SIGALRM


def test_larger_images_may_take_more() -> None:
    """The bounds grow with the largest image or file that the user allows, and never shrink."""
    usual = Bounds.of(Limits())
    assert Bounds.of(Limits(megapixels=10)) == usual
    for larger in (Bounds.of(Limits(megapixels=400)), Bounds.of(Limits(megabytes=400))):
        assert larger.seconds == usual.seconds * 4
        assert larger.gigabytes > usual.gigabytes
