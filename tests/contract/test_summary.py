"""Tests of the documents of a complete run."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.digest import Digest
from contract.documents import DocumentError
from contract.findings import FindingsSummary, Kind, Representation
from contract.job import Fence, JobFailure
from contract.layout import ResultFile, matrix_file, results_folder
from contract.runs import RUN_ID
from contract.summary import Counts, Latest, MatrixFile, PcaSummary, Snapshots, Summary, WeightsSummary

TEXT = st.text()
RUN_IDS = st.from_regex(RUN_ID, fullmatch=True)
MATRIX_FILES = RUN_IDS.map(lambda run_id: f"{results_folder(run_id)}{ResultFile.MATRIX}") | st.builds(
    matrix_file, RUN_IDS, RUN_IDS, st.integers(0, 10**9 - 1)
)
NUMBER = st.integers(min_value=0)
REPRESENTATIONS = st.none() | st.builds(
    Representation, images=NUMBER, nearest_neighbour=st.floats(0, 1), nearest_centroid=st.floats(0, 1)
)
SUMMARIES = st.builds(
    Summary,
    run_id=RUN_IDS,
    mode=TEXT,
    started_at=TEXT,
    finished_at=TEXT,
    model_id=TEXT,
    engine=TEXT,
    matrix=st.lists(st.builds(MatrixFile, file=MATRIX_FILES, first_key=TEXT, rows=NUMBER)),
    pca_version=st.none() | RUN_IDS,
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
    snapshots=st.builds(Snapshots, features=st.none() | NUMBER, components=NUMBER, rejects=NUMBER, findings=NUMBER),
    timings=st.dictionaries(TEXT, st.floats(0, 1e6)),
    images_per_second=st.none() | st.floats(0, 1e6),
    settings=st.dictionaries(TEXT, TEXT),
    versions=st.dictionaries(TEXT, TEXT),
    notes=st.lists(TEXT),
    findings=st.none()
    | st.builds(
        FindingsSummary,
        counts=st.fixed_dictionaries(dict.fromkeys(map(str, Kind), NUMBER)),
        unmeasured=NUMBER,
        file=st.builds(Digest, size=NUMBER, sha256=TEXT),
        components=REPRESENTATIONS,
        sampled_components=REPRESENTATIONS,
        sampled_features=REPRESENTATIONS,
    ),
)


@given(SUMMARIES)
def test_a_summary_survives_its_file(summary: Summary) -> None:
    """A summary equals the one that is read from its document."""
    assert Summary.from_json(summary.to_json()) == summary


@given(RUN_IDS.map(lambda run_id: Latest(run_id=run_id, results=results_folder(run_id), finished_at="")))
def test_the_pointer_survives_its_file(latest: Latest) -> None:
    """A pointer equals the one that is read from its document."""
    assert Latest.from_json(latest.to_json()) == latest


RUN = "20261120T121530Z-3fa94c"
HOSTILE = [
    "../../.ssh",
    "/etc/cron.d",
    "",
    ".",
    "..",
    f"{RUN}/../..",
    f"../{RUN}",
    f"{RUN}\n",
    f"{RUN}/",
    f"{RUN}\x00",
    "photos",
    "x" * 100_000,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_is_no_run_id_is_refused_when_it_is_read(name: str) -> None:
    """No document that another writer has put into the bucket makes a reader compose a path outside of its folder."""
    documents: dict[Any, dict[str, str | int]] = {
        Latest: {"run_id": name, "results": f"results/{name}/", "finished_at": ""},
        Fence: {"run_id": name},
        JobFailure: {"run_id": name, "exit_code": 1, "reason": ""},
    }
    for kind, content in documents.items():
        with pytest.raises(DocumentError, match="no run id") as refused:
            kind.from_json(json.dumps(content))
        assert len(str(refused.value)) < 100


@pytest.mark.parametrize("results", ["results/", "images/", "results/20261120T121530Z-ffffff/", f"results/{RUN}"])
def test_a_pointer_to_the_folder_of_another_run_is_refused(results: str) -> None:
    """The pointer names one run, and its folder is that of this run."""
    with pytest.raises(DocumentError, match="not those of its run_id"):
        Latest.from_json(json.dumps({"run_id": RUN, "results": results, "finished_at": ""}))


@given(SUMMARIES, st.sampled_from(HOSTILE))
def test_a_summary_that_names_other_places_is_refused(summary: Summary, name: str) -> None:
    """Neither the run, nor the basis, nor a file of the matrix lies outside of the folders of the pipeline."""
    good = json.loads(summary.to_json())
    del good["checksum"]
    part = {"first_key": "", "rows": 1}
    for change in (
        {"run_id": name},
        {"pca_version": name},
        *(
            {"matrix": [{"file": file, **part}]}
            for file in (name, f"results/{name}/pca.csv", f"pca/{RUN}/matrix/{name}")
        ),
    ):
        with pytest.raises(DocumentError):
            Summary.from_json(json.dumps(good | change))


@given(SUMMARIES)
def test_a_summary_of_a_version_without_findings_is_read(summary: Summary) -> None:
    """It is a summary of the same rows, without findings."""
    document = json.loads(summary.to_json())
    del document["checksum"], document["findings"], document["snapshots"]["findings"]
    earlier = Summary.from_json(json.dumps(document))
    assert earlier == replace(summary, findings=None, snapshots=replace(summary.snapshots, findings=None))


@given(
    st.builds(Snapshots, features=st.none() | NUMBER, components=NUMBER, rejects=NUMBER, findings=st.none() | NUMBER)
)
def test_findings_are_no_rows_of_images(snapshots: Snapshots) -> None:
    """Results of other findings, or of a version without findings, are of the same images; those of other rows not."""
    assert snapshots.have_images_of(replace(snapshots, findings=None))
    assert replace(snapshots, findings=None).have_images_of(snapshots)
    for table in ("features", "components", "rejects"):
        assert not snapshots.have_images_of(replace(snapshots, **{table: -1}))
