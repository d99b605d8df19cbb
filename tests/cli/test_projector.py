"""Tests of the folder for TensorBoard."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.matrix_rows import MatrixRows
from cli.projector import BLANK, LARGEST_SPRITE, MOST_PICTURES, SMALLEST_TILE, Tiles, write_projector
from contract.summary import Summary
from spark_app.engine.thumbnail import SIDE
from tests.cli.made_results import make_results

COLOURS = ["red", "lime", None, "blue", "yellow"]


def test_the_tiles_have_the_order_of_the_rows(tmp_path: Path, summary: Summary) -> None:
    """Each tile shows the thumbnail of its row, from left to right and from the top; one without is blank."""
    results, coordinates = make_results(tmp_path, summary, list("abcde"), COLOURS)
    assert write_projector(MatrixRows(results), tmp_path)
    with Image.open(tmp_path / "sprite.png") as sprite:
        assert sprite.size == (3 * SIDE, 2 * SIDE)
        centres = [(SIDE * (number % 3) + SIDE // 2, SIDE * (number // 3) + SIDE // 2) for number in range(6)]
        assert [sprite.getpixel(centre) for centre in centres] == [
            (255, 0, 0),
            (0, 255, 0),
            BLANK,
            (0, 0, 255),
            (255, 255, 0),
            BLANK,
        ]
    np.testing.assert_array_equal(np.fromfile(tmp_path / "tensors.bytes", "<f4").reshape(5, 3), coordinates)


@pytest.mark.parametrize("without", ["nulls", "column"])
def test_there_is_no_sprite_without_thumbnails(tmp_path: Path, summary: Summary, without: str) -> None:
    """A table of an earlier version lacks the column: the other files are complete, and refer to no sprite."""
    results, _ = make_results(tmp_path, summary, ["a", "b"], ["red" if without == "nulls" else None, None])
    if without == "nulls":
        results, _ = make_results(tmp_path, summary, ["a", "b"], [None, None])
    assert not write_projector(MatrixRows(results), tmp_path)
    assert not (tmp_path / "sprite.png").exists()
    assert "sprite" not in (tmp_path / "projector_config.pbtxt").read_text()


def test_a_name_can_not_break_the_lines(tmp_path: Path, summary: Summary) -> None:
    """What TensorBoard takes for the end of a cell or of a line becomes a space; other characters stay."""
    keys = ["a\tb/c\nd", "e\u2028f\x85g\r", "ü 豆\xa0😀"]
    results, _ = make_results(tmp_path, summary, keys, [None] * 3)
    write_projector(MatrixRows(results), tmp_path)
    assert (tmp_path / "metadata.tsv").read_bytes().decode().split("\n") == [
        "key\tlabel",
        "a b/c d\ta b",
        "e f g \t",
        "ü 豆\xa0😀\t",
        "",
    ]


@pytest.mark.parametrize("count", [1, 2, 9, 10, 29_241, 50_000, MOST_PICTURES])
def test_a_sprite_has_a_place_for_every_image_and_fits(count: int) -> None:
    """The tiles are equal squares, as large as a thumbnail if they can be, in at most 8192 x 8192 pixels."""
    tiles = Tiles(count)
    assert tiles.columns * tiles.rows >= count
    assert max(tiles.columns, tiles.rows) * tiles.side <= LARGEST_SPRITE
    assert max(tiles.place(count - 1)) + tiles.side <= LARGEST_SPRITE
    assert (tiles.side == SIDE) == (count <= 170**2)
    assert tiles.side >= SMALLEST_TILE
    assert Tiles(MOST_PICTURES + 1).side < SMALLEST_TILE
    assert (tiles.columns + 1) * (tiles.side + 1) > LARGEST_SPRITE or tiles.side == SIDE
