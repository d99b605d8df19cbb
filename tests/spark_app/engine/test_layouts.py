"""Tests of the layouts of PNG, GIF, JPEG, BMP, WebP and HEIF. The oracles are libvips, and the pixels written."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pillow_heif
import pytest
import pyvips
from PIL import Image

from contract.rejects import Reason
from spark_app.engine.preprocessing import decode, prepare_decoders
from spark_app.engine.refusals import RefusedImageError
from spark_app.settings import Limits

Encode = Callable[..., bytes]
SIDE = 224
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGB_ALPHA: (8, 16)}


@pytest.fixture(autouse=True, scope="module")
def decoders() -> None:
    """Set Pillow up as a worker does."""
    prepare_decoders()


def _pixels(body: bytes) -> np.ndarray:
    return decode(body, Limits()).pixels.astype(int)


def _refusal(body: bytes) -> RefusedImageError:
    with pytest.raises(RefusedImageError) as refusal:
        decode(body, Limits())
    return refusal.value


def _by_libvips(body: bytes) -> np.ndarray:
    image = pyvips.Image.new_from_buffer(body, "").colourspace("srgb").cast("uchar")
    pixels = (image.flatten(background=[255]) if image.hasalpha() else image).numpy()
    return np.broadcast_to(pixels.reshape(SIDE, SIDE, -1), (SIDE, SIDE, 3)).astype(int)


def _ramps(channels: int, top: int) -> np.ndarray:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    ramps = [(columns * (1 + c) + rows * (3 - c) + 31 * c) % 256 for c in range(channels)]
    return np.rint(np.stack(ramps, axis=2) / 255 * top).astype(np.int64)


def _png(colour: int, bits: int, transparency: bytes = b"", samples: np.ndarray | None = None) -> bytes:
    """Return a PNG file, written here because no library writes all of its layouts."""
    samples = _ramps(CHANNELS[colour], 2**bits - 1) if samples is None else samples
    flat = samples.reshape(SIDE, -1, 1)
    if bits >= 8:
        rows = flat.astype(f">u{bits // 8}").view(np.uint8).reshape(SIDE, -1)
    else:
        rows = np.packbits(np.unpackbits(flat.astype(np.uint8), axis=2)[..., -bits:].reshape(SIDE, -1), axis=1)
    pixels = zlib.compress(np.insert(rows, 0, 0, axis=1).tobytes())
    palette = np.random.default_rng(1).integers(0, 256, 3 * 2 ** min(bits, 8), dtype=np.uint8).tobytes()
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", SIDE, SIDE, bits, colour, 0, 0, 0),
        b"PLTE": palette if colour == PALETTE else b"",
        b"tRNS": transparency,
        b"IDAT": pixels,
    }
    written = [_chunk(kind, content) for kind, content in chunks.items() if content]
    return b"\x89PNG\r\n\x1a\n" + b"".join(written) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize(("colour", "bits"), [(colour, bits) for colour, all_ in DEPTHS.items() for bits in all_])
def test_every_layout_of_png_is_read(colour: int, bits: int) -> None:
    """Each colour type and depth of the specification gives the pixels that libvips finds."""
    body = _png(colour, bits)
    assert np.abs(_pixels(body) - _by_libvips(body)).max() <= 2


@pytest.mark.parametrize("bits", DEPTHS[GREY])
@pytest.mark.parametrize("share", [0, 0.4, 1])
def test_a_transparent_level_of_grey_is_white(bits: int, share: float) -> None:
    """The transparent level has the bits of the file, 1 to 16; all other levels are kept."""
    top = 2**bits - 1
    level = round(share * top)
    samples = _ramps(1, top)
    samples[:50] = level
    expected = np.where(samples == level, 255, samples / top * 255)
    body = _png(GREY, bits, struct.pack(">H", level), samples)
    assert np.abs(_pixels(body) - expected).max() <= 1


def test_a_transparent_colour_is_white() -> None:
    """One colour of 8 bits per channel can be transparent. Of 16 bits it is refused: Pillow keeps the upper 8."""
    samples = _ramps(3, 255)
    samples[:50] = (10, 20, 30)
    expected = np.where((samples == (10, 20, 30)).all(axis=2, keepdims=True), 255, samples)
    np.testing.assert_array_equal(_pixels(_png(RGB, 8, struct.pack(">HHH", 10, 20, 30), samples)), expected)
    refusal = _refusal(_png(RGB, 16, struct.pack(">HHH", 10, 20, 30)))
    assert refusal.reason is Reason.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("bits", DEPTHS[PALETTE])
@pytest.mark.parametrize("alphas", [b"\0", b"\xff\0", b"\x80\x40"])
def test_transparent_entries_of_a_palette_are_white(bits: int, alphas: bytes) -> None:
    """A palette may have one transparent entry, or several levels of transparency."""
    body = _png(PALETTE, bits, alphas)
    assert np.abs(_pixels(body) - _by_libvips(body)).max() <= 1


def test_an_interlaced_png_is_read() -> None:
    """The order of the rows changes nothing."""
    body = pyvips.Image.new_from_array(_ramps(3, 255).astype(np.uint8)).pngsave_buffer(interlace=True)
    np.testing.assert_array_equal(_pixels(body), _ramps(3, 255))


def _gif(frame: tuple[int, int, int, int], *, transparent: int | None = None, background: int = 0) -> bytes:
    """Return a GIF file of 224x224 with one frame (left, top, width, height) of colour 1, blue."""
    colours = bytes([255, 0, 0, 0, 0, 255, 0, 255, 0, 9, 9, 9])
    left, top, width, height = frame
    control = b"" if transparent is None else bytes([0x21, 0xF9, 4, 1, 0, 0, transparent, 0])
    codes = "".join(f"{code:03b}"[::-1] for _ in range(width * height) for code in (4, 1)) + f"{5:03b}"[::-1]
    packed = np.packbits([int(bit) for bit in codes], bitorder="little").tobytes()
    blocks = b"".join(bytes([len(packed[at : at + 255])]) + packed[at : at + 255] for at in range(0, len(packed), 255))
    return (
        b"GIF89a" + struct.pack("<HHBBB", SIDE, SIDE, 0x81, background, 0) + colours + control
        + b"," + struct.pack("<HHHHB", left, top, width, height, 0) + b"\x02" + blocks + b"\0;"
    )  # fmt: skip


@pytest.mark.parametrize("background", [0, 2, 3])
@pytest.mark.parametrize("transparent", [None, 0, 2, 3])
def test_a_first_frame_that_covers_a_part_is_on_white(transparent: int | None, background: int) -> None:
    """Browsers ignore the background colour of a GIF file, and show nothing where its first frame is not."""
    expected = np.full((SIDE, SIDE, 3), 255)
    expected[20:100, 10:70] = (0, 0, 255)
    body = _gif((10, 20, 60, 80), transparent=transparent, background=background)
    np.testing.assert_array_equal(_pixels(body), expected)


def test_a_transparent_gif_is_white() -> None:
    """Transparent pixels of the frame itself are white, and a frame that covers all is read as it is."""
    assert _pixels(_gif((0, 0, SIDE, SIDE), transparent=1)).min() == 255
    np.testing.assert_array_equal(_pixels(_gif((0, 0, SIDE, SIDE)))[5, 5], (0, 0, 255))


@pytest.mark.parametrize("second", [1, 2, 3])
def test_later_frames_change_nothing(second: int, picture: Encode) -> None:
    """Whatever an animation does with its first frame afterwards, the first frame is read."""
    first, other = Image.new("RGB", (SIDE, SIDE), (255, 0, 0)), Image.new("RGB", (SIDE, SIDE), (0, 0, 255))
    body = picture("GIF", first, save_all=True, append_images=[other], disposal=second)
    np.testing.assert_array_equal(_pixels(body)[100, 100], (255, 0, 0))


@pytest.mark.parametrize("transform", [0, 2])
def test_cmyk_of_adobe_is_stored_inverted(transform: int) -> None:
    """JPEG files of four channels, direct or YCCK, show what libvips reads; without Adobe's mark they are refused."""
    image = Image.fromarray(_ramps(3, 255).astype(np.uint8)).convert("CMYK")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=100)
    body = bytearray(buffer.getvalue())
    adobe = body.index(b"Adobe")
    if transform:
        body[adobe + 11] = transform
    cmyk = pyvips.Image.new_from_buffer(bytes(body), "").numpy().astype(int)
    expected = (255 - cmyk[..., :3]) * (255 - cmyk[..., 3:]) / 255
    assert np.abs(_pixels(bytes(body)) - expected).max() <= 3
    unmarked = bytes(body[: adobe - 4] + body[adobe + 12 :])
    assert _refusal(unmarked).reason is Reason.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("options", [{"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"keep_rgb": True}])
@pytest.mark.parametrize("progressive", [False, True])
def test_every_sampling_of_jpeg_is_read(options: dict[str, object], progressive: bool, picture: Encode) -> None:  # noqa: FBT001
    """The decoder of libvips gives the same pixels."""
    image = Image.fromarray(_ramps(3, 255).astype(np.uint8)).resize((28, 28)).resize((SIDE, SIDE))
    body = picture("JPEG", image, progressive=progressive, quality=95, **options)
    assert np.abs(_pixels(body) - _by_libvips(body)).max() <= 3


@pytest.mark.parametrize("image_format", ["AVIF", "HEIF"])
@pytest.mark.parametrize("mode", ["RGB;16", "RGBA;16"])
def test_heif_of_10_bits_is_read(image_format: str, mode: str) -> None:
    """Cameras write 10 bits per channel; these become 8."""
    if image_format == "AVIF":
        source = pyvips.Image.new_from_array(_ramps(3, 255).astype(np.uint8)).cast("ushort") * 257
        body = source.cast("ushort").copy(interpretation="rgb16").heifsave_buffer(compression="av1", bitdepth=10, Q=95)
    else:
        channels = len(mode) - 3
        samples = _ramps(channels, 65535).astype(np.uint16)
        samples[..., 3:] = 65535
        heif = pillow_heif.from_bytes(mode, (SIDE, SIDE), samples.tobytes())
        buffer = io.BytesIO()
        heif.save(buffer, quality=-1)
        body = buffer.getvalue()
    difference = np.abs(_pixels(body) - _ramps(3, 255))
    assert np.median(difference) <= 3


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp_is_read(lossless: bool, mode: str, picture: Encode) -> None:  # noqa: FBT001
    """WebP with and without loss, with and without alpha, shows what libvips reads."""
    image = Image.fromarray(_ramps(4, 255).astype(np.uint8)).convert(mode)
    body = picture("WEBP", image, lossless=lossless, exact=True)
    assert np.abs(_pixels(body) - _by_libvips(body)).max() <= 3


def _webp_with_a_partial_frame(picture: Encode) -> bytes:
    frame = picture("WEBP", Image.new("RGB", (60, 80), (0, 0, 255)), lossless=True)[12:]
    place = b"".join(struct.pack("<I", value)[:3] for value in (5, 10, 59, 79, 100)) + b"\0"
    chunks = [
        (b"VP8X", b"\x02\0\0\0" + 2 * struct.pack("<I", SIDE - 1)[:3]),
        (b"ANIM", b"\xff\0\0\xff\0\0"),
        (b"ANMF", place + frame),
    ]
    content = b"WEBP" + b"".join(kind + struct.pack("<I", len(body)) + body for kind, body in chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def test_a_first_frame_of_webp_that_covers_a_part_is_on_white(picture: Encode) -> None:
    """As for GIF."""
    expected = np.full((SIDE, SIDE, 3), 255)
    expected[20:100, 10:70] = (0, 0, 255)
    np.testing.assert_array_equal(_pixels(_webp_with_a_partial_frame(picture)), expected)


def _bmp(bits: int, rows: np.ndarray, *, masks: bytes = b"", header: int = 40, palette: bytes = b"") -> bytes:
    start = 14 + header + (len(masks) if header == 40 else 0) + len(palette)
    info = struct.pack("<IiiHHIIiiII", header, SIDE, SIDE, 1, bits, 3 if masks else 0, 0, 0, 0, len(palette) // 4, 0)
    info += masks if header == 40 else masks.ljust(header - 40, b"\0")
    return b"BM" + struct.pack("<IHHI", start + rows.nbytes, 0, 0, start) + info + palette + rows[::-1].tobytes()


def test_bmp_of_every_depth_is_read() -> None:
    """Palettes, 15, 16, 24 and 32 bits, with the bit fields of the file; the fourth byte is no alpha without a mask."""
    colours = _ramps(3, 255)
    red, green, blue = np.moveaxis(colours, 2, 0)
    fifteen = (red // 8 << 10 | green // 8 << 5 | blue // 8).astype("<u2")
    sixteen = (red // 8 << 11 | green // 4 << 5 | blue // 8).astype("<u2")
    four = np.stack([blue, green, red, np.zeros_like(red)], axis=2).astype(np.uint8)
    grey = _ramps(1, 255)[..., 0].astype(np.uint8)
    levels = b"".join(bytes([255 - level, level, 9, 0]) for level in range(256))
    assert np.abs(_pixels(_bmp(16, fifteen)) - colours).max() <= 8
    assert np.abs(_pixels(_bmp(16, sixteen, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F))) - colours).max() <= 8
    np.testing.assert_array_equal(_pixels(_bmp(24, np.ascontiguousarray(four[..., :3]))), colours)
    np.testing.assert_array_equal(_pixels(_bmp(32, four)), colours)
    expected = np.stack([np.full_like(grey, 9), grey, 255 - grey], axis=2)
    np.testing.assert_array_equal(_pixels(_bmp(8, grey, palette=levels)), expected)
