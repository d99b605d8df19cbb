"""Tests of the memory that decoding takes. Linux measures it."""

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image
from pillow_heif import register_heif_opener

from contract.rejects import Reason
from contract.worker_memory import IDLE_WORKER
from spark_app.engine.preprocessing import decode, prepare_decoders
from spark_app.engine.refusals import RefusedImageError
from spark_app.settings import Decoding, Limits
from tests.tiff_files import LONG, SHORT, TiffLayout, tiff_file

Encode = Callable[..., bytes]

SIDE = 2500
STRIPS = 15_000_000
"""Memory that the strips of an image take, at any size of the image."""

MEASURE = """
import json, re, sys
from pathlib import Path
from spark_app.engine import preprocessing
from spark_app.engine.memory import memory_needed
from spark_app.settings import Decoding, Limits

def kilobytes(field):
    return int(re.search(field + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def measured(path, decoding):
    body, counted = path.read_bytes(), []
    check = preprocessing.check_memory
    preprocessing.check_memory = lambda image, file, *_: counted.append(memory_needed(image, file) - len(body))
    Path("/proc/self/clear_refs").write_text("5")
    before = kilobytes("VmRSS")
    preprocessing.decode(body, Limits(), decoding)
    return 1024 * (kilobytes("VmHWM") - before), max(counted)

preprocessing.prepare_decoders()
folder = Path(sys.argv[1])
measured(folder / "warm-up.png", Decoding.FULL)
print(json.dumps({f"{path.name} {kind}": measured(path, kind) for path in folder.iterdir() for kind in Decoding}))
"""


@pytest.fixture(autouse=True, scope="module")
def decoders() -> None:
    """Set Pillow up as a worker does."""
    prepare_decoders()


def _picture(mode: str) -> Image.Image:
    return Image.radial_gradient("L").resize((SIDE, SIDE)).convert("RGB").convert(mode)


def _by_libvips(**options: object) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        image = pyvips.Image.new_from_array(np.asarray(_picture("RGBA"))).cast("ushort") * 257
        image.cast("ushort").copy(interpretation="rgb16").write_to_file(str(path), **options)

    return save


def _by_pillow(mode: str, **options: object) -> Callable[[Path], None]:
    return lambda path: _picture(mode).save(path, **options)  # type: ignore[arg-type]


def _broken_jpeg(path: Path) -> None:
    """Write a JPEG file that is read at the third attempt: without its metadata, and with an end."""
    exif = b"Exif\0\0MM\0*" + bytes(range(20))
    _picture("RGB").save(path, quality=75, exif=exif)
    path.write_bytes(path.read_bytes()[:-2])


LAYOUTS: dict[str, Callable[[Path], None]] = {
    "baseline.jpg": _by_pillow("RGB"),
    "rotated.jpg": _by_pillow("RGB", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0" + bytes(4)),
    "cmyk.jpg": _by_pillow("CMYK"),
    "progressive.jpg": _by_pillow("RGB", progressive=True, subsampling=2),
    "progressive-444.jpg": _by_pillow("RGB", progressive=True, subsampling=0),
    "without-end.jpg": _broken_jpeg,
    "rgba.png": _by_pillow("RGBA", compress_level=1),
    "rgba16.png": _by_libvips(compression=1),
    "palette.png": _by_pillow("P", compress_level=1),
    "grey16.png": lambda path: Image.fromarray(np.asarray(_picture("L")).astype(np.uint16)).save(path),
    "animated.png": _by_pillow("RGBA", save_all=True, append_images=[Image.new("RGBA", (SIDE, SIDE))], disposal=1),
    "animated.gif": _by_pillow("P", save_all=True, append_images=[Image.new("P", (SIDE, SIDE), 1)], disposal=2),
    "lossy.webp": _by_pillow("RGB", method=0),
    "lossless-alpha.webp": _by_pillow("RGBA", lossless=True, method=0, quality=0),
    "rgb.avif": _by_pillow("RGB", speed=10),
    "rgba-444.avif": _by_pillow("RGBA", speed=10, subsampling="4:4:4"),
    "rgb.heic": _by_pillow("RGB", enc_params={"preset": "ultrafast"}),
    "rgba16.tif": _by_libvips(compression="deflate"),
    "one-tile.tif": _by_libvips(compression="deflate", tile=True, tile_width=4096, tile_height=4096),
    "jpeg.tif": _by_pillow("RGB", compression="jpeg"),
    "rgb.bmp": _by_pillow("RGB"),
}


@pytest.fixture(scope="module")
def peaks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, int]]:
    """Return the measured and the estimated bytes of each layout, which one process decodes one after the other."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("only Linux measures the peak of the memory")
    register_heif_opener()
    folder = tmp_path_factory.mktemp("layouts")
    Image.new("RGB", (9, 9)).save(folder / "warm-up.png")
    for name, save in LAYOUTS.items():
        save(folder / name)
    # glibc keeps freed memory for later images, unless it asks the system for each large block.
    system = os.environ | {"MALLOC_MMAP_THRESHOLD_": "1000000"}
    answer = subprocess.check_output([sys.executable, "-c", MEASURE, str(folder)], env=system)
    found: dict[str, tuple[int, int]] = json.loads(answer)
    return found


@pytest.mark.parametrize("name", LAYOUTS)
def test_decoding_takes_no_more_memory_than_estimated(name: str, peaks: dict[str, tuple[int, int]]) -> None:
    """The estimate, by which the worker refuses images, holds. One more copy of the image would exceed it."""
    for decoding in Decoding:
        measured, estimated = peaks[f"{name} {decoding}"]
        assert measured <= estimated + STRIPS


def test_a_reduced_scale_takes_less_memory(peaks: dict[str, tuple[int, int]]) -> None:
    """Of a JPEG file, the decoder then holds a quarter of the pixels, and all coefficients of a progressive one."""
    pixels = SIDE * SIDE
    for name in ("baseline.jpg", "progressive.jpg"):
        (scaled, estimated), (full, _) = peaks[f"{name} scaled"], peaks[f"{name} full"]
        assert scaled < full - 2 * pixels
        assert estimated < peaks[f"{name} full"][1] - 2 * pixels
    assert peaks["progressive.jpg scaled"][1] > 3 * pixels


def _refusal(body: bytes, limits: Limits) -> RefusedImageError:
    with pytest.raises(RefusedImageError) as refusal:
        decode(body, limits)
    return refusal.value


def test_an_image_that_takes_too_much_memory_is_refused(picture: Encode) -> None:
    """Decoders of some formats take three times the memory of others. Another limit of pixels lets the image pass."""
    image = Image.new("RGB", (4000, 3000))
    limits = Limits(megapixels=12, megabytes=1)
    refusal = _refusal(picture("WEBP", image, lossless=True), limits)
    assert refusal.reason is Reason.TOO_MANY_PIXELS
    assert refusal.detail == "4000x3000 as WEBP takes 148 MB of memory, more than 128"
    assert decode(picture("PNG", image), limits).width == 4000
    assert decode(picture("WEBP", image, lossless=True), Limits(megapixels=30)).width == 4000


def test_the_limits_keep_their_promise() -> None:
    """With the default limits, a worker takes at most 1 GiB: the idle worker, an image, and its file."""
    assert Limits().memory == 600_000_000
    assert IDLE_WORKER + Limits().memory <= 2**30


def test_a_very_tall_image_is_refused(picture: Encode) -> None:
    """Pillow's coefficients for each pixel of a side would take far more memory than the image itself."""
    refusal = _refusal(picture("PNG", Image.new("1", (1, 20_000_000))), Limits())
    assert refusal.reason is Reason.TOO_MANY_PIXELS


def test_a_gif_is_refused_before_pillow_fills_its_first_frame() -> None:
    """Pillow fills a frame that is to be disposed of when it opens the file: up to 4 GB from 70 bytes."""
    screen = struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    control, frame = b"!\xf9\4\x08\0\0\0\0", b"," + struct.pack("<HHHHB", 5, 7, 65530, 65520, 0)
    refusal = _refusal(b"GIF89a" + screen + b"!\xfe\3abc\0" + control + frame + b"\2\2\x44\1\0;", Limits())
    assert refusal.detail == "65535x65527, more than 100 megapixels"


def test_a_jpeg_of_very_many_scans_is_refused(picture: Encode) -> None:
    """The decoder visits all pixels in each scan: a million scans of a few bytes would keep a worker busy for hours."""
    body = picture("JPEG", Image.new("RGB", (400, 400)), progressive=True)
    start = body.index(b"\xff\xda")
    scan = body[start : body.index(b"\xff\xc4", start)]
    many = body[:start] + scan * 2000 + body[start:]
    assert decode(many, Limits(megapixels=4)).width == 400
    refusal = _refusal(many, Limits(megapixels=3))
    assert refusal.reason is Reason.TOO_MANY_PIXELS
    assert "scans" in refusal.detail


def test_a_tag_of_millions_of_numbers_is_refused() -> None:
    """As numbers of Python, the values of a tag take many times the memory of the file."""
    layout = TiffLayout(tags={339: (SHORT, (1,) * 5_000_000)})
    refusal = _refusal(tiff_file(np.zeros((9, 9, 1), np.uint8), layout), Limits())
    assert (refusal.reason, refusal.detail) == (Reason.CORRUPT, "TIFF: a tag has too many values")


def test_a_tile_far_larger_than_the_image_is_refused() -> None:
    """The decoder allocates a whole tile."""
    layout = TiffLayout(tile=16, tags={322: (LONG, (65536,)), 323: (LONG, (65536,))})
    refusal = _refusal(tiff_file(np.zeros((9, 9, 1), np.uint8), layout), Limits())
    assert refusal.reason is Reason.TOO_MANY_PIXELS


def test_a_png_bomb_takes_the_memory_of_its_pixels_only() -> None:
    """Data beyond the pixels is not decompressed: 1 KB of an image that holds 1 GB of zeros is decoded or refused."""
    compressor = zlib.compressobj(9)
    pixels = b"".join(compressor.compress(bytes(1_000_000)) for _ in range(200)) + compressor.flush()
    header = struct.pack(">IIBBBBB", 10, 10, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    parts = [struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks]
    assert decode(b"\x89PNG\r\n\x1a\n" + b"".join(parts), Limits()).pixels.max() == 0
