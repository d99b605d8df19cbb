"""Tests of the documents of a complete run."""

from hypothesis import given
from hypothesis import strategies as st

from contract.summary import Counts, Latest, MatrixFile, PcaSummary, Snapshots, Summary, WeightsSummary

TEXT = st.text()
NUMBER = st.integers(min_value=0)
SUMMARIES = st.builds(
    Summary,
    run_id=TEXT,
    mode=TEXT,
    started_at=TEXT,
    finished_at=TEXT,
    model_id=TEXT,
    engine=TEXT,
    matrix=st.lists(st.builds(MatrixFile, file=TEXT, first_key=TEXT, rows=NUMBER)),
    pca_version=st.none() | TEXT,
    weights=st.builds(WeightsSummary, kind=TEXT, sha256=TEXT),
    counts=st.builds(Counts, listed=NUMBER, images=NUMBER),
    pca=st.none()
    | st.builds(
        PcaSummary,
        requested=st.floats(0, 1),
        components=NUMBER,
        standardize=st.booleans(),
        captured=st.floats(0, 1),
        of_best=st.floats(0, 1),
        kept=st.booleans(),
        reason=TEXT,
        fitted_to=NUMBER,
        refit_threshold=st.floats(0, 1),
    ),
    snapshots=st.builds(Snapshots, features=st.none() | NUMBER, components=NUMBER, rejects=NUMBER),
    timings=st.dictionaries(TEXT, st.floats(0, 1e6)),
    images_per_second=st.none() | st.floats(0, 1e6),
    settings=st.dictionaries(TEXT, TEXT),
    versions=st.dictionaries(TEXT, TEXT),
    notes=st.lists(TEXT),
)


@given(SUMMARIES)
def test_a_summary_survives_its_file(summary: Summary) -> None:
    """A summary equals the one that is read from its document."""
    assert Summary.from_json(summary.to_json()) == summary


@given(st.builds(Latest, run_id=TEXT, results=TEXT, finished_at=TEXT))
def test_the_pointer_survives_its_file(latest: Latest) -> None:
    """A pointer equals the one that is read from its document."""
    assert Latest.from_json(latest.to_json()) == latest
