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
