"""Tests of the keys."""

import pytest

from contract.layout import label_of


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("Apple Braeburn/r_1.jpg", "Apple Braeburn"),
        ("Training/Apple Braeburn/r_1.jpg", "Apple Braeburn"),
        ("r_1.jpg", None),
        ("Açaí 🍇/100 %.jpg", "Açaí 🍇"),
    ],
)
def test_the_label_is_the_folder_that_holds_the_file(key: str, label: str | None) -> None:
    """The label is the innermost folder; a file directly below images/ has none."""
    assert label_of(key) == label


@pytest.mark.parametrize(
    ("level", "label"),
    [(1, "Deep"), (2, "a"), (3, "b"), (4, "b"), (99, "b"), (-1, "b"), (-2, "a"), (-3, "Deep"), (-4, "Deep")],
)
def test_a_level_counts_from_either_end(level: int, label: str) -> None:
    """Positive levels count from images/, negative ones from the file; beyond the last folder, the last one counts."""
    assert label_of("Deep/a/b/x.jpg", level) == label
    assert label_of("x.jpg", level) is None
