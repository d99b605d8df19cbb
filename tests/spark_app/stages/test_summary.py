"""Tests of the notes on a run."""

import pytest

from contract.digest import Digest
from contract.findings import GROUPS, FindingsSummary, Kind
from spark_app.settings import CurationSettings
from spark_app.stages.summary import notes_on_findings


def _findings(unmeasured: int = 0, **images: int) -> FindingsSummary:
    groups = dict.fromkeys(GROUPS, 0) | {name.replace("_", " "): count for name, count in images.items()}
    counts = dict.fromkeys(map(str, Kind), 100)
    return FindingsSummary(
        counts=counts,
        images=groups,
        unmeasured=unmeasured,
        unjudged=0,
        has_all_pairs=True,
        has_neighbours=True,
        file=Digest.of(b""),
    )


def test_each_kind_belongs_to_one_group() -> None:
    """A share of images with findings leaves out no kind, and counts none twice."""
    assert sorted(kind for kinds in GROUPS.values() for kind in kinds) == sorted(Kind)


@pytest.mark.parametrize(
    ("group", "option"),
    [
        ("duplicates", "max_duplicate_share"),
        ("outliers", "max_outlier_share"),
        ("doubtful_labels", "max_label_doubt_share"),
        ("bad_pictures", "max_bad_picture_share"),
    ],
)
def test_a_run_warns_of_more_images_with_findings_than_expected(group: str, option: str) -> None:
    """It compares images, not findings, with the option of their group; equality is no excess."""
    settings = CurationSettings(**{option: 0.1})  # type: ignore[arg-type] -- the type of these options
    assert notes_on_findings(settings, _findings(**{group: 10}), 100) == []
    (note,) = notes_on_findings(settings, _findings(**{group: 11}), 100)
    assert note.startswith("11.0% of the images have findings of ")
    assert note.endswith(f"more than --{option.replace('_', '-')} 0.1.")


def test_a_run_says_how_many_images_were_not_measured() -> None:
    """They are those that an earlier version, or a run without findings, has computed."""
    (note,) = notes_on_findings(CurationSettings(), _findings(unmeasured=1_000), 2_000)
    assert note.startswith("1,000 images of 2,000 were computed without measurements")
    assert notes_on_findings(CurationSettings(), None, 2_000) == []
