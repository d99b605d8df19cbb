"""Tests of the comparison of two runs on the same images."""

import pytest

from contract.findings import FINDING_COLUMNS
from contract.layout import ResultFile
from rehearsal.comparison import PublishedResults, compare
from rehearsal.errors import RehearsalError

MATRIX = "key,label,pc_1,pc_2\na.jpg,Plum,1.0,2.0\nb.jpg,Plum,3.0,4.0\n"
FINDINGS = ",".join(FINDING_COLUMNS) + '\na.jpg,Plum,near_duplicate,0.97,b.jpg,"""one"", two"\nb.jpg,,dark,0.5,,\n'


def _results(matrix: str = MATRIX, findings: str = FINDINGS) -> PublishedResults:
    files = {ResultFile.MATRIX: matrix, ResultFile.FINDINGS: findings}
    return PublishedResults.read_with(lambda file: files[file].encode())


def test_results_that_agree_but_for_the_rounding_are_equal() -> None:
    """Last digits, texts of findings and the order of the findings may differ."""
    header, first, second = FINDINGS.splitlines()
    other = "\n".join([header, second, first.replace("0.97", "0.970001").replace("two", "three")])
    found = compare(_results(), _results(MATRIX.replace("4.0", "4.0000001"), other))
    assert found.startswith("2 images x 2 components, largest difference ")
    assert found.endswith("; the same 2 findings")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("matrix", "b.jpg", "c.jpg", "different images"),
        ("matrix", "4.0", "4.1", "differ by"),
        ("findings", "dark", "bright", "different findings"),
        ("findings", 'b.jpg,"', 'c.jpg,"', "different findings"),
        ("findings", "b.jpg,,dark,0.5,,\n", "", "different findings"),
        ("findings", "0.97", "0.98", "the scores 0.97 and 0.98"),
    ],
)
def test_results_that_differ_are_refused(file: str, old: str, new: str, message: str) -> None:
    """A rehearsal fails if an image, a coordinate or a finding differs."""
    text = {"matrix": MATRIX, "findings": FINDINGS}[file]
    assert old in text
    with pytest.raises(RehearsalError, match=message):
        compare(_results(), _results(**{file: text.replace(old, new)}))
