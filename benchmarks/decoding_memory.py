"""Memory and time of the largest images that the limits allow: `python -m benchmarks.decoding_memory FOLDER`.

The program draws one image per format and layout in FOLDER (about 1 GB; it draws no file twice), as large as the
default limits allow. It decodes each in a new process, and prints the peak of its resident memory above the memory of
the idle process, which includes the file, the estimate of `spark_app.engine.memory`, and the seconds. Files are drawn
with libvips and Pillow. Linux only.
"""

import argparse
import io
import re
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pillow_heif
import pyvips
from PIL import Image

RAMP = 256
FAST = {"preset": "ultrafast"}
STATUS, CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Case:
    """An image file to draw."""

    name: str
    megapixels: float
    """The highest number that the limits allow, or the number at which the file has about 100 MB."""
    save: Callable[[int, Path], object]
    """Draws a square of that side."""

    @property
    def side(self) -> int:
        """Side of the image in pixels."""
        return int((self.megapixels * 1e6) ** 0.5)


def samples(side: int, channels: int, noise: int = 2) -> np.ndarray:
    """Return ramps with some levels of noise: uint8, shape (side, side, channels). The more, the larger the file."""
    rows, columns = np.ogrid[0:side, 0:side]
    random = np.random.default_rng(1).integers(0, noise, (side, side), np.uint8)
    ramps = [((rows * (c + 1) // 16 + columns * (3 - c) // 16) % RAMP).astype(np.uint8) for c in range(channels)]
    return np.stack([ramp ^ random for ramp in ramps], axis=2)


def by_pillow(side: int, path: Path, *, mode: str = "RGB", noise: int = 2, frames: int = 1, **options: object) -> None:
    """Draw with Pillow."""
    picture = Image.fromarray(samples(side, 4 if mode == "RGBA" else 3, noise))
    picture = picture.quantize(64, method=Image.Quantize.FASTOCTREE) if mode == "P" else picture.convert(mode)
    if frames > 1:
        options |= {"save_all": True, "append_images": [Image.new(picture.mode, picture.size)] * (frames - 1)}
    picture.save(path, **options)  # type: ignore[arg-type]


def by_libvips(side: int, path: Path, *, channels: int = 3, bits: int = 8, space: str = "", **options: object) -> None:
    """Draw with libvips."""
    pixels = samples(side, channels, noise=1)
    image = pyvips.Image.new_from_array(pixels.astype(np.uint16) * 257 if bits > 8 else pixels)  # noqa: PLR2004
    default = {1: "grey16", 3: "rgb16", 4: "rgb16"}[channels] if bits > 8 else "srgb"  # noqa: PLR2004
    image.copy(interpretation=space or default).write_to_file(str(path), **options)


def p3_photo(side: int, path: Path) -> None:
    """Draw a photo of a phone: Display P3, to be rotated."""
    source = pyvips.Image.new_from_array(samples(8, 3)).copy(interpretation="srgb")
    profile = source.icc_transform("p3", input_profile="srgb").get("icc-profile-data")
    exif = Image.Exif()
    exif[0x0112] = 6
    by_pillow(side, path, noise=32, quality=85, icc_profile=bytes(profile), exif=exif)


def jpeg_of_many_scans(side: int, path: Path) -> None:
    """Draw a progressive JPEG file with 90 more scans that change nothing."""
    buffer = io.BytesIO()
    Image.fromarray(samples(side, 3, 32)).save(buffer, "JPEG", progressive=True, quality=50)
    body = buffer.getvalue()
    runs = ((side + 7) // 8) ** 2 // 32767 + 1
    bits = ("0" + "1" * 14) * runs
    content = int(bits + "1" * (-len(bits) % 8), 2).to_bytes(-(-len(bits) // 8), "big").replace(b"\xff", b"\xff\0")
    table = b"\xff\xc4\0\x14\x10\1" + bytes(15) + b"\xe0"
    after_first_scan = body.index(b"\xff\xc4", body.index(b"\xff\xda"))
    scans = table + (b"\xff\xda\0\x08\1\1\0\1\x3f\0" + content) * 90
    path.write_bytes(body[:after_first_scan] + scans + body[after_first_scan:])


def bmp_of_runs(side: int, path: Path) -> None:
    """Draw a BMP file in which each pixel is a run of its own, which Pillow decodes in Python."""
    pixels, start = (b"\1\5" * side + b"\0\0") * side + b"\0\1", 14 + 40 + 1024
    header = struct.pack("<IHHI", start + len(pixels), 0, 0, start)
    info = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    path.write_bytes(b"BM" + header + info + bytes(1024) + pixels)


def heic_of_16_bits(side: int, path: Path) -> None:
    """Draw a HEIC file of more than 8 bits, with alpha and full colours."""
    pixels = samples(side, 4).astype(np.uint16) * 257
    image = pillow_heif.from_bytes("RGBA;16", (side, side), pixels.tobytes())
    image.save(path, quality=40, chroma=444, enc_params=FAST)


def avif_of_10_bits(side: int, path: Path) -> None:
    """Draw an AVIF file of 10 bits with full colours."""
    by_libvips(side, path, bits=16, compression="av1", bitdepth=10, effort=0, Q=50, subsample_mode="off")


def tiff_of_one_tile(side: int, path: Path) -> None:
    """Draw a TIFF file whose only tile is as large as the image, so that libtiff decodes all of it at once."""
    by_libvips(
        side // 16 * 16,
        path,
        bits=16,
        compression="deflate",
        tile=True,
        tile_width=side // 16 * 16,
        tile_height=side // 16 * 16,
    )


CASES = (
    Case("jpeg.jpg", 100, partial(by_pillow, noise=32, quality=85)),
    Case("jpeg-p3-rotated.jpg", 100, p3_photo),
    Case("jpeg-cmyk.jpg", 100, partial(by_pillow, mode="CMYK", noise=32, quality=75)),
    Case("jpeg-progressive-420.jpg", 78, partial(by_pillow, noise=32, quality=75, progressive=True)),
    Case("jpeg-progressive-444.jpg", 55, partial(by_pillow, noise=32, quality=75, progressive=True, subsampling=0)),
    Case("jpeg-progressive-cmyk.jpg", 46, partial(by_pillow, mode="CMYK", noise=32, quality=75, progressive=True)),
    Case("jpeg-100-scans.jpg", 78, jpeg_of_many_scans),
    Case("png.png", 100, partial(by_pillow, compress_level=1)),
    Case("png-rgba.png", 100, partial(by_pillow, mode="RGBA", compress_level=1)),
    Case("png-rgba16.png", 100, partial(by_libvips, channels=4, bits=16, compression=6)),
    Case("png-grey16.png", 100, partial(by_libvips, channels=1, bits=16, compression=6)),
    Case("png-palette.png", 100, partial(by_pillow, mode="P", compress_level=1)),
    Case("png-interlaced.png", 100, partial(by_libvips, channels=4, interlace=True)),
    Case("png-animated.png", 64, partial(by_pillow, mode="RGBA", frames=2, compress_level=1)),
    Case("webp-lossy.webp", 47, partial(by_pillow, noise=32, quality=60, method=0)),
    Case("webp-lossy-alpha.webp", 42, partial(by_pillow, mode="RGBA", noise=1, quality=60, method=0)),
    Case("webp-lossless-alpha.webp", 44, partial(by_pillow, mode="RGBA", lossless=True, method=0, quality=0)),
    Case("webp-animated.webp", 44, partial(by_pillow, mode="RGBA", frames=2, lossless=True, method=0, quality=0)),
    Case("avif-420.avif", 60, partial(by_pillow, noise=8, quality=50, speed=10)),
    Case(
        "avif-444-alpha.avif", 35, partial(by_pillow, mode="RGBA", noise=8, quality=50, speed=10, subsampling="4:4:4")
    ),
    Case("avif-444-10-bit.avif", 32, avif_of_10_bits),
    Case("heic-420.heic", 90, partial(by_pillow, noise=8, quality=40, enc_params=FAST)),
    Case("heic-444-alpha.heic", 48, partial(by_pillow, mode="RGBA", noise=8, quality=40, chroma=444, enc_params=FAST)),
    Case("heic-444-alpha-10-bit.heic", 29, heic_of_16_bits),
    Case("tiff-rgb16.tif", 100, partial(by_libvips, bits=16, compression="deflate", predictor="horizontal")),
    Case("tiff-rgba16.tif", 100, partial(by_libvips, channels=4, bits=16, compression="deflate")),
    Case("tiff-grey16.tif", 100, partial(by_libvips, channels=1, bits=16, compression="deflate")),
    Case("tiff-lab.tif", 100, partial(by_libvips, space="lab", compression="lzw", predictor="horizontal")),
    Case("tiff-palette.tif", 100, partial(by_pillow, mode="P", compression="tiff_lzw")),
    Case("tiff-cmyk.tif", 100, partial(by_pillow, mode="CMYK", noise=1, compression="tiff_adobe_deflate")),
    Case("tiff-fax.tif", 100, partial(by_pillow, mode="1", compression="group4")),
    Case("tiff-jpeg.tif", 100, partial(by_libvips, compression="jpeg", Q=75)),
    Case("tiff-rgb16-in-one-tile.tif", 52, tiff_of_one_tile),
    Case("gif.gif", 100, partial(by_pillow, mode="P")),
    Case("gif-animated.gif", 100, partial(by_pillow, mode="P", frames=2)),
    Case("bmp.bmp", 33, by_pillow),
    Case("bmp-runs.bmp", 49, bmp_of_runs),
)


def main() -> None:
    """Draw what is missing, measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="files to measure; all by default")
    parser.add_argument("--draw", help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if arguments.draw:
        draw(arguments.folder, arguments.draw)
    elif arguments.measure:
        print(measured(arguments.measure))
    else:
        print("| file | megapixels | MB of the file | MB at most | estimate | s |\n|---|---|---|---|---|---|")
        for case in CASES:
            if not arguments.names or case.name in arguments.names:
                compare(arguments.folder, case.name)


def compare(folder: Path, name: str) -> None:
    """Draw a file and decode it, each in a process of its own, and print a row."""
    program = [sys.executable, "-m", "benchmarks.decoding_memory", str(folder)]
    if not (folder / name).exists():
        subprocess.run([*program, "--draw", name], check=True)
    subprocess.run([*program, "--measure", str(folder / name)], check=True)


def draw(folder: Path, name: str) -> None:
    """Draw the file of a case."""
    pillow_heif.register_heif_opener()
    (case,) = (case for case in CASES if case.name == name)
    case.save(case.side, folder / name)


def measured(path: Path) -> str:
    """Decode a file in this process, and return a row of the table."""
    from spark_app.engine.bare_image import BareImage
    from spark_app.engine.memory import memory_needed
    from spark_app.engine.preprocessing import decode, prepare_decoders
    from spark_app.engine.refusals import RefusedImageError
    from spark_app.engine.tiff import open_tiff
    from spark_app.settings import Limits

    prepare_decoders()
    Image.preinit()
    before = _kilobytes("VmRSS")
    CLEAR_REFS.write_text("5")  # resets the peak
    body = path.read_bytes()
    start = time.perf_counter()
    try:
        image = decode(body, Limits())
    except RefusedImageError as error:
        return f"| {path.name} | refused: {error.detail} |"
    seconds = time.perf_counter() - start
    peak = (_kilobytes("VmHWM") - before) * 1024 / 1e6
    with open_tiff(body) if path.suffix == ".tif" else Image.open(io.BytesIO(body)) as opened:
        estimate = memory_needed(opened, BareImage(body)) / 1e6
    megapixels = image.width * image.height / 1e6
    return f"| {path.name} | {megapixels:.0f} | {len(body) / 1e6:.0f} | {peak:.0f} | {estimate:.0f} | {seconds:.1f} |"


def _kilobytes(field: str) -> int:
    (value,) = re.findall(rf"^{field}:\s+(\d+)", STATUS.read_text(), re.MULTILINE)
    return int(value)


if __name__ == "__main__":
    main()
