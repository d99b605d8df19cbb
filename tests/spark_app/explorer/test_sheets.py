"""Tests of the sheets, in which thumbnails are packed."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from spark_app.engine.thumbnail import thumbnail
from spark_app.explorer import sheets
from spark_app.explorer.data import Points
from spark_app.explorer.sheets import FORMATS, Format, KnownSheet, Packed, pack
from spark_app.explorer.tiles import pictures_of

COUNT = 150
ROOM = 1e9
RANGES = [slice(0, 60), slice(60, 61), slice(61, 150)]


def _thumbnails(seed: int = 0, *, noisy: bool = False) -> list[bytes | None]:
    """Return thumbnails of single colours, or of noise, every tenth of which is missing."""
    generator = np.random.default_rng(seed)
    shape = (COUNT, 56, 56, 3) if noisy else (COUNT, 1, 1, 3)
    colours = np.broadcast_to(generator.integers(0, 256, shape), (COUNT, 56, 56, 3)).astype(np.uint8)
    pixels = colours.repeat(4, axis=1).repeat(4, axis=2)
    return [None if number % 10 == 5 else thumbnail(image) for number, image in enumerate(pixels)]


class _Storage:
    """Thumbnails, and the points that were asked for."""

    def __init__(self, thumbnails: Sequence[bytes | None]) -> None:
        self._thumbnails = thumbnails
        self.fetched: list[int] = []

    def fetch(self, points: np.ndarray) -> list[bytes | None]:
        self.fetched += points.tolist()
        return [self._thumbnails[point] for point in points]


def _ids(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**63, COUNT).astype(np.uint64)


def _known(packed: Packed) -> dict[str, KnownSheet]:
    return {
        sheet.sheet_id: KnownSheet(sheet, packed.pictured[part])
        for sheet, part in zip(packed.sheets, RANGES, strict=True)
    }


def _packed(thumbnails: Sequence[bytes | None], ids: np.ndarray | None = None) -> Packed:
    packed = pack(_ids() if ids is None else ids, RANGES, _Storage(thumbnails).fetch, {}, ROOM)
    assert packed is not None
    return packed


def _points(packed: Packed) -> Points:
    keys = [f"{number}.jpg" for number in range(COUNT)]
    coordinates = np.zeros((COUNT, 1), np.float16)
    return Points(keys, [None] * COUNT, coordinates, {}, {}, packed.pictured, packed.format.tile, packed.sheets)


def _mean_colour(file: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(file)) as image:
        return np.asarray(image.convert("RGB"), float).mean(axis=(0, 1))


def test_each_point_has_its_own_picture() -> None:
    """The tile of each point shows its thumbnail, and points without a thumbnail have no picture."""
    thumbnails = _thumbnails()
    packed = _packed(thumbnails)
    assert packed.format == FORMATS[0]
    pictures = pictures_of(_points(packed), [f"{number}.jpg" for number in range(COUNT)])
    for number, file in enumerate(thumbnails):
        assert packed.pictured[number] == (file is not None)
        if file is None:
            assert f"{number}.jpg" not in pictures
        else:
            np.testing.assert_allclose(_mean_colour(pictures[f"{number}.jpg"]), _mean_colour(file), atol=6)


def test_what_is_known_saves_work_and_changes_nothing() -> None:
    """With the sheets of an earlier explorer, only those of changed images are made, and the result is the same."""
    ids, changed = _ids(), _ids()
    changed[60] += np.uint64(1)
    before = _packed(_thumbnails(), ids)
    storage = _Storage(_thumbnails())
    after = pack(changed, RANGES, storage.fetch, _known(before), ROOM)
    assert after is not None
    assert storage.fetched == [60]
    anew = _packed(_thumbnails(), changed)
    assert after.sheets == anew.sheets
    assert after.sheets[0] is before.sheets[0]
    assert after.sheets[1].sheet_id != before.sheets[1].sheet_id


def _made_in(format_: Format, thumbnails: Sequence[bytes | None], monkeypatch: pytest.MonkeyPatch) -> Packed:
    with monkeypatch.context() as patch:
        patch.setattr(sheets, "FORMATS", (format_,))
        packed = pack(_ids(), RANGES, _Storage(thumbnails).fetch, {}, ROOM)
    assert packed is not None
    return packed


def test_thumbnails_that_are_too_large_are_packed_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first format for which there is room is taken, and each thumbnail is read once."""
    thumbnails = _thumbnails(noisy=True)
    sizes = [sum(len(s.image) for s in _made_in(format_, thumbnails, monkeypatch).sheets) for format_ in FORMATS]
    assert sizes == sorted(sizes, reverse=True)
    for format_, size in zip(FORMATS, sizes, strict=True):
        storage = _Storage(thumbnails)
        packed = pack(_ids(), RANGES, storage.fetch, {}, size)
        assert packed is not None
        assert packed.format == format_
        assert sorted(storage.fetched) == list(range(COUNT))
    assert pack(_ids(), RANGES, _Storage(thumbnails).fetch, {}, sizes[-1] - 1) is None


def test_an_update_in_a_smaller_format_reads_the_trial_and_what_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """To find out again that the better formats are too large, a run reads the first thumbnails, and not all."""
    monkeypatch.setattr(sheets, "TRIAL", 60)
    thumbnails = _thumbnails(noisy=True)
    before = _made_in(FORMATS[2], thumbnails, monkeypatch)
    room = sum(len(sheet.image) for sheet in before.sheets)
    changed = _ids()
    changed[60] += np.uint64(1)
    storage = _Storage(thumbnails)
    after = pack(changed, RANGES, storage.fetch, _known(before), room * 1.01)
    assert after is not None
    assert after.format == FORMATS[2]
    assert sorted(storage.fetched) == [*range(60), 60]
    assert after.sheets[2] is before.sheets[2]


def test_smaller_tiles_show_the_same_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tile of 32 pixels shows the thumbnail of its point."""
    thumbnails = _thumbnails()
    points = _points(_made_in(Format(32, 75), thumbnails, monkeypatch))
    picture = pictures_of(points, ["62.jpg"])["62.jpg"]
    with Image.open(io.BytesIO(picture)) as image:
        assert image.size == (32, 32)
    np.testing.assert_allclose(_mean_colour(picture), _mean_colour(thumbnails[62] or b""), atol=6)


def test_without_points_there_are_no_sheets() -> None:
    """An explorer without images, or without thumbnails, has no pictures."""
    empty = pack(_ids()[:0], [], _Storage([]).fetch, {}, ROOM)
    assert empty is not None
    assert empty.sheets == []
    bare = _packed([None] * COUNT)
    assert not bare.pictured.any()
    assert [sheet.image for sheet in bare.sheets] == [b""] * len(RANGES)
