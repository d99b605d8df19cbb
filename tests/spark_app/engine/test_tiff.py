"""Tests of the layouts of TIFF files. The oracles are the samples that were written, and libvips."""

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import pyvips
from PIL import Image

from contract.rejects import Reason
from spark_app.engine.preprocessing import decode, prepare_decoders
from spark_app.engine.refusals import RefusedImageError
from spark_app.engine.tiff import VERIFIED
from spark_app.settings import Limits
from tests.tiff_files import BYTE, LONG, SHORT, TiffLayout, tiff_file

SIZE = 224
ORDERS = {"<": "little-endian", ">": "big-endian"}
UNREAD = {(0, 16, ">")}
"""Verified layouts that Pillow refuses in one byte order: photometric interpretation, bits, order."""


@pytest.fixture(autouse=True, scope="module")
def decoders() -> None:
    """Set Pillow up as a worker does."""
    prepare_decoders()


def _verified() -> Iterator[object]:
    for (photometric, bits, samples, extra), planes in VERIFIED.items():
        for planar in planes if samples > 1 else (1,):
            for order, name in ORDERS.items():
                layout = TiffLayout(
                    photometric=photometric, bits=bits, extra=extra, order=order, planar=planar == 2,
                    colormap=_colormap(bits) if photometric == 3 else (),
                )  # fmt: skip
                yield pytest.param(layout, samples, id=f"{photometric}-{bits}-{samples}-{extra}-{planar}-{name}")


def _colormap(bits: int) -> tuple[int, ...]:
    return tuple(np.random.default_rng(1).integers(0, 65536, 3 * 2**bits).tolist())


def _samples(layout: TiffLayout, channels: int) -> np.ndarray:
    """Return a smooth picture: each channel is a ramp in another direction."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    ramps = [(columns * (1 + c) + rows * (3 - c) + 31 * c) % 256 for c in range(channels)]
    samples = np.rint(np.stack(ramps, axis=2) / 255 * (2**layout.bits - 1)).astype(np.int64)
    if layout.extra == (1,):  # associated alpha: the colours are multiplied by it
        samples[..., :-1] = np.minimum(samples[..., :-1], samples[..., -1:])
    return samples


def _expected(samples: np.ndarray, layout: TiffLayout) -> np.ndarray:
    """Return the picture on white as the specification defines it, in levels of 255."""
    levels = samples / (2**layout.bits - 1) * 255
    colours, rest = levels[..., :3], levels[..., 3:]
    if layout.photometric in {0, 1, 3}:
        colours, rest = levels[..., :1], levels[..., 1:]
    if layout.photometric == 0:
        colours = 255 - colours
    if layout.photometric == 3:
        colours = np.array(layout.colormap).reshape(3, -1).T[samples[..., 0]] / 257
    if layout.photometric == 5:
        return (255 - colours) * (255 - rest) / 255
    if rest.shape[2] and layout.extra != (0,):
        alpha = rest[..., :1] / 255
        colours = colours * (1 if layout.extra == (1,) else alpha) + 255 * (1 - alpha)
    return np.broadcast_to(colours, (SIZE, SIZE, 3))


@pytest.mark.parametrize(("layout", "channels"), list(_verified()))
@pytest.mark.parametrize("tile", [0, 64])
def test_every_verified_layout_is_read_as_it_was_written(layout: TiffLayout, channels: int, tile: int) -> None:
    """Each layout that the code declares verified shows the samples of the file, in strips and in tiles."""
    layout = TiffLayout(**vars(layout) | {"tile": tile})
    samples = _samples(layout, channels)
    body = tiff_file(samples, layout)
    if (layout.photometric, layout.bits, layout.order) in UNREAD:
        assert _refusal(body).reason is Reason.UNSUPPORTED_FORMAT
        return
    pixels = decode(body, Limits()).pixels
    if layout.photometric != 8:
        assert np.abs(pixels - _expected(samples, layout)).max() <= 2.5
    if layout.photometric not in {5, 8} and layout.extra != (0,) and not (tile and layout.planar):
        # libvips takes unspecified samples for alpha, needs profiles for CMYK, and does not read the others.
        assert np.abs(pixels.astype(int) - _by_libvips(body)).max() <= 2.5


def _by_libvips(body: bytes) -> np.ndarray:
    image = pyvips.Image.new_from_buffer(body, "").colourspace("srgb").cast("uchar")
    pixels = (image.flatten(background=[255]) if image.hasalpha() else image).numpy()
    return np.broadcast_to(pixels.reshape(SIZE, SIZE, -1), (SIZE, SIZE, 3)).astype(int)


def _refusal(body: bytes) -> RefusedImageError:
    with pytest.raises(RefusedImageError) as refusal:
        decode(body, Limits())
    return refusal.value


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("photometric", [0, 1, 3])
def test_bits_may_be_stored_from_the_lowest(photometric: int, bits: int) -> None:
    """The fill order changes nothing, as programs for fax machines use both."""
    colormap = _colormap(bits) if photometric == 3 else ()
    layout = TiffLayout(photometric=photometric, bits=bits, fill_order=2, colormap=colormap)
    samples = _samples(layout, 1)
    pixels = decode(tiff_file(samples, layout), Limits()).pixels
    assert np.abs(pixels - _expected(samples, layout)).max() <= 2


def test_lab_is_read_with_signed_colours() -> None:
    """CIELab with a and b from -128 to 127 shows red as red (53, 80, 67) and white as white."""
    samples = np.zeros((SIZE, SIZE, 3), np.int64)
    samples[:112], samples[112:] = (136, 80, 67), (255, 0, 0)
    pixels = decode(tiff_file(samples, TiffLayout(photometric=8)), Limits()).pixels
    assert pixels[112 + 20 :].min() >= 253
    assert np.abs(pixels[:90].mean(axis=(0, 1)) - (255, 0, 0)).max() < 30


def test_a_palette_of_8_bits_is_read(picture: Callable[..., bytes]) -> None:
    """Old programs wrote colours of 8 bits in the place of 16: libtiff and libvips read these as well."""
    del picture
    colormap = tuple(value // 256 for value in _colormap(8))
    layout = TiffLayout(photometric=3, colormap=colormap)
    samples = _samples(layout, 1)
    body = tiff_file(samples, layout)
    expected = np.array(colormap).reshape(3, -1).T[samples[..., 0]]
    np.testing.assert_array_equal(decode(body, Limits()).pixels, expected)
    np.testing.assert_array_equal(_by_libvips(body), expected)


UNVERIFIED = {
    "signed": (TiffLayout(bits=16, sample_format=2), 1),
    "signed of 8 bits": (TiffLayout(sample_format=2), 1),
    "32 bits": (TiffLayout(bits=32), 1),
    "signed 32 bits": (TiffLayout(bits=32, sample_format=2), 1),
    "floating point": (TiffLayout(bits=32, sample_format=3), 1),
    "floating-point colours": (TiffLayout(photometric=2, bits=32, sample_format=3), 3),
    "grey of 16 bits with alpha": (TiffLayout(bits=16, extra=(2,)), 2),
    "grey with associated alpha": (TiffLayout(extra=(1,)), 2),
    "planar grey with alpha": (TiffLayout(extra=(2,), planar=True), 2),
    "planar palette with alpha": (TiffLayout(photometric=3, extra=(2,), planar=True, colormap=_colormap(8)), 2),
    "a fourth plane of unknown meaning": (TiffLayout(photometric=2, planar=True), 4),
    "five inks": (TiffLayout(photometric=5, tags={332: (SHORT, (2,))}), 4),
    "colours of 4 bits": (TiffLayout(photometric=2, bits=4), 3),
    "YCbCr without JPEG": (TiffLayout(photometric=6), 3),
    "YCbCr of 16 bits": (TiffLayout(photometric=6, bits=16), 3),
    "an unknown compression": (TiffLayout(tags={259: (SHORT, (50001,))}), 1),
    "an unlisted compression": (TiffLayout(tags={259: (SHORT, (12345,))}), 1),
    "a reduced first image": (TiffLayout(photometric=2, tags={254: (SHORT, (1,))}), 3),
}


@pytest.mark.parametrize("kind", UNVERIFIED)
def test_other_layouts_are_refused_by_name(kind: str) -> None:
    """A layout that Pillow reads wrongly, or that no test compares, is refused with a description."""
    layout, channels = UNVERIFIED[kind]
    refusal = _refusal(tiff_file(_samples(TiffLayout(), channels), layout))
    assert refusal.reason is Reason.UNSUPPORTED_FORMAT
    assert "TIFF" in refusal.detail


CAMERA_RAWS = {
    "DNG": TiffLayout(photometric=2, tags={50706: (BYTE, (1, 4, 0, 0))}),
    "NEF or ARW": TiffLayout(photometric=2, tags={254: (SHORT, (1,)), 330: (LONG, (8,))}),
    "PEF": TiffLayout(photometric=32803),
    "LinearRaw": TiffLayout(photometric=34892),
    "compressed by Nikon": TiffLayout(tags={259: (SHORT, (34713,))}),
}


@pytest.mark.parametrize("kind", CAMERA_RAWS)
def test_camera_raw_is_refused_instead_of_its_preview(kind: str) -> None:
    """The files of cameras are TIFF files whose first image is a small preview."""
    layout = CAMERA_RAWS[kind]
    refusal = _refusal(tiff_file(_samples(TiffLayout(), 3 if layout.photometric in {2, 34892} else 1), layout))
    assert (refusal.reason, refusal.detail) == (Reason.UNSUPPORTED_FORMAT, "camera raw")


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4"])
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "CMYK", "I;16", "P", "YCbCr"])
def test_compressed_files_are_read_as_libvips_reads_them(
    compression: str, mode: str, picture: Callable[..., bytes]
) -> None:
    """Each compression that the pipeline reads gives the pixels that libvips finds."""
    image = Image.fromarray(_samples(TiffLayout(), 3).astype(np.uint8))
    image = Image.fromarray(_samples(TiffLayout(bits=16), 1)[..., 0].astype(np.uint16)) if mode == "I;16" else (
        image.convert(mode)
    )  # fmt: skip
    if mode == "YCbCr" and compression != "jpeg":
        pytest.skip("refused: decoders disagree about its subsampling")
    try:
        body = picture("TIFF", image, compression=compression)
    except (OSError, ValueError, KeyError):
        pytest.skip("Pillow writes no such file")
    pixels = decode(body, Limits()).pixels.astype(int)
    if mode == "CMYK":
        with Image.open(io.BytesIO(body)) as stored:
            cmyk = np.asarray(stored).astype(int)
        np.testing.assert_allclose(pixels, (255 - cmyk[..., :3]) * (255 - cmyk[..., 3:]) / 255, atol=2)
    else:
        assert np.abs(pixels - _by_libvips(body)).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied_once(orientation: int, picture: Callable[..., bytes]) -> None:
    """Libraries apply the orientation of TIFF files, some of them by themselves; the result is the same."""
    image = Image.fromarray(_samples(TiffLayout(), 3).astype(np.uint8)).crop((0, 0, 120, 80))
    body = picture("TIFF", image, tiffinfo={0x0112: orientation})
    expected = pyvips.Image.new_from_buffer(body, "").autorot()
    decoded = decode(body, Limits())
    assert (decoded.width, decoded.height) == (expected.width, expected.height)
    upright = Image.fromarray(expected.numpy()).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(decoded.pixels, np.asarray(upright))


def test_a_cut_file_is_truncated(picture: Callable[..., bytes]) -> None:
    """A file whose directory is intact, but whose pixels go on behind its end, lacks its end."""
    image = pyvips.Image.new_from_array(_samples(TiffLayout(), 3).astype(np.uint8))
    body = picture("TIFF", Image.fromarray(image.numpy()))
    start = int.from_bytes(body[4:8], "little")
    assert start < 1000, "the directory comes first"
    assert _refusal(body[:-1000]).reason is Reason.TRUNCATED


def test_files_above_4_gigabytes_have_another_directory(picture: Callable[..., bytes]) -> None:
    """BigTIFF is read like TIFF."""
    del picture
    samples = _samples(TiffLayout(), 3).astype(np.uint8)
    body = pyvips.Image.new_from_array(samples).copy(interpretation="srgb").tiffsave_buffer(bigtiff=True)
    np.testing.assert_array_equal(decode(body, Limits()).pixels, samples)
