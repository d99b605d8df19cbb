"""Tests of the judgement of findings: recall, precision, and the frames of rotations."""

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.curation import of_issues, read_findings
from benchmarks.ground_truth import EXPECTED, Finding, Verdict, precision, recall, verdicts
from benchmarks.planted import COPIES, Planted, Planting
from contract.findings import Kind

PLANTED = [
    Planted("Plum/copy.jpg", Planting.COPY, "Plum/1.jpg"),
    Planted("Plum/jpeg.jpg", Planting.JPEG, "Plum/2.jpg"),
    Planted("Plum/jpeg 2.jpg", Planting.JPEG, "Plum/3.jpg"),
    Planted("Plum/moved.jpg", Planting.MOVED, "Apple/9.jpg"),
    Planted("Plum/4.jpg", Planting.DARK, "Plum/4.jpg"),
]


def test_every_planting_has_an_expected_finding() -> None:
    """No planting is left out of the recall."""
    assert set(EXPECTED) == set(Planting)
    assert all(EXPECTED[planting] == (Kind.NEAR_DUPLICATE,) for planting in COPIES - {Planting.COPY})


def test_findings_that_say_what_was_planted_are_complete_and_right() -> None:
    """Recall and precision are 1 if the findings are the plantings."""
    findings = [
        Finding("Plum/copy.jpg", Kind.DUPLICATE, "Plum/1.jpg"),
        Finding("Plum/jpeg.jpg", Kind.NEAR_DUPLICATE, "Plum/2.jpg"),
        Finding("Plum/3.jpg", Kind.NEAR_DUPLICATE, "Plum/jpeg 2.jpg"),
        Finding("Plum/moved.jpg", Kind.LABEL_DOUBT, "Apple/1.jpg"),
        Finding("Plum/moved.jpg", Kind.LABEL_OUTLIER),
        Finding("Plum/4.jpg", Kind.DARK),
    ]
    assert set(recall(findings, PLANTED).values()) == {1.0}
    counts = verdicts(findings, PLANTED)
    assert {precision(counts, finding.kind) for finding in findings} == {1.0}
    assert precision(counts, Kind.BLURRY) is None


def test_a_copy_counts_as_found_in_a_group_with_its_source_only() -> None:
    """It does not suffice that a copy has a finding, if that finding connects it with another image."""
    findings = [Finding("Plum/jpeg.jpg", Kind.NEAR_DUPLICATE, "Plum/5.jpg")]
    assert recall(findings, PLANTED)[Planting.JPEG, Kind.NEAR_DUPLICATE] == 0
    findings.append(Finding("Plum/2.jpg", Kind.NEAR_DUPLICATE, "Plum/5.jpg"))
    assert recall(findings, PLANTED)[Planting.JPEG, Kind.NEAR_DUPLICATE] == pytest.approx(1 / 2)


def test_frames_of_a_variety_count_neither_as_right_nor_as_wrong() -> None:
    """A group of one variety without a copy is of frames; a group of two varieties is wrong."""
    findings = [
        Finding("Plum/5.jpg", Kind.NEAR_DUPLICATE, "Plum/6.jpg"),
        Finding("Plum/7.jpg", Kind.NEAR_DUPLICATE, "Apple/1.jpg"),
        Finding("Plum/jpeg.jpg", Kind.NEAR_DUPLICATE, "Plum/2.jpg"),
    ]
    counts = verdicts(findings, PLANTED)
    assert counts[Kind.NEAR_DUPLICATE, Verdict.FRAMES] == 1
    assert counts[Kind.NEAR_DUPLICATE, Verdict.UNPLANTED] == 1
    assert precision(counts, Kind.NEAR_DUPLICATE) == pytest.approx(1 / 2)


def test_a_moved_image_shows_its_old_variety() -> None:
    """A moved apple that is grouped with other apples is a frame, and with plums it is wrong."""
    apples = [Finding("Plum/moved.jpg", Kind.NEAR_DUPLICATE, "Apple/1.jpg")]
    plums = [Finding("Plum/moved.jpg", Kind.NEAR_DUPLICATE, "Plum/6.jpg")]
    assert verdicts(apples, PLANTED) == Counter({(Kind.NEAR_DUPLICATE, Verdict.FRAMES): 1})
    assert verdicts(plums, PLANTED) == Counter({(Kind.NEAR_DUPLICATE, Verdict.OTHER): 1})


def test_findings_of_untouched_images_and_of_other_plantings_are_wrong() -> None:
    """Both lower the precision, and are counted apart."""
    findings = [Finding(key, Kind.DARK) for key in ("Plum/4.jpg", "Plum/5.jpg", "Plum/moved.jpg")]
    counts = verdicts(findings, PLANTED)
    assert [counts[Kind.DARK, verdict] for verdict in Verdict] == [1, 0, 1, 1]
    assert precision(counts, Kind.DARK) == pytest.approx(1 / 3)


def test_issues_of_cleanvision_become_findings() -> None:
    """Each image of an issue has a finding, and each image of a set but the first one that refers to the first."""
    images = {"dark": ["a"], "light": [], "blurry": [], "low_information": [], "odd_size": ["b"]}
    sets = {"exact_duplicates": [["c", "d", "e"]], "near_duplicates": []}
    found = of_issues(images | {"odd_aspect_ratio": ["b"], "grayscale": ["a"]}, sets)
    assert found == [
        Finding("d", Kind.DUPLICATE, "c"),
        Finding("e", Kind.DUPLICATE, "c"),
        Finding("a", Kind.DARK),
        Finding("b", Kind.ODD_SIZE),
    ]


def test_findings_are_read_from_the_file_of_a_run(tmp_path: Path) -> None:
    """The columns are those of the contract, and keys may contain commas."""
    file = tmp_path / "findings.csv"
    file.write_text('key,label,kind,score,other_key,detail\n"Plum/a, b.jpg",Plum,duplicate,1.0,Plum/1.jpg,same\n')
    assert list(read_findings(file)) == [Finding("Plum/a, b.jpg", Kind.DUPLICATE, "Plum/1.jpg")]
