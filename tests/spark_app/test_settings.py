"""Tests of the settings, which are validated before a run reads or writes anything."""

from pathlib import Path

import pytest

from spark_app.errors import SettingsError
from spark_app.settings import CatalogSettings, Limits, RunSettings, as_url, parse_components


@pytest.mark.parametrize("text", ["0", "-1", "1281", "0.0", "1.0", "1.5", "nan", "many"])
def test_impossible_components_are_refused(text: str) -> None:
    """The user can request neither no components, nor more than there are features, nor the whole variance."""
    with pytest.raises(SettingsError, match=f"--components must be .* not {text}"):
        RunSettings(images="file:///i", output="file:///o", components=parse_components(text))


@pytest.mark.parametrize("number", [1, 1280, 0.01, 0.999])
def test_possible_components_are_taken(number: float) -> None:
    """A count up to the number of features, or a share of the variance, appears in the summary as the same number."""
    settings = RunSettings(images="file:///i", output="file:///o", components=parse_components(str(number)))
    written = settings.to_document()["components"]
    assert (written, type(written)) == (number, type(number))


@pytest.mark.parametrize(
    ("option", "settings"),
    [
        ("--chunk-size", {"chunk_size": 0}),
        ("--max-reject-rate", {"max_reject_rate": 1.1}),
    ],
)
def test_the_error_names_the_option(option: str, settings: dict[str, float]) -> None:
    """The error names the option to change."""
    with pytest.raises(SettingsError, match=option):
        RunSettings(images="file:///i", output="file:///o", **settings)


@pytest.mark.parametrize("output", ["s3://bucket/images", "s3://bucket/images/out"])
def test_an_output_among_the_images_is_refused(output: str) -> None:
    """The next run would list such results as images. Images below the output, as in the cloud, are allowed."""
    with pytest.raises(SettingsError, match="--output"):
        RunSettings(images="s3://bucket/images", output=output)
    assert RunSettings(images="s3://bucket/images", output="s3://bucket")
    assert RunSettings(images="s3://bucket/images", output="s3://bucket/images-out")


@pytest.mark.parametrize("folder", ["staging", "staging/run", "tables", "models", "results", "pca/1", "inbox"])
def test_images_in_a_folder_of_the_pipeline_are_refused(folder: str) -> None:
    """Runs write and delete files in these folders of the output."""
    with pytest.raises(SettingsError, match="--images must not lie"):
        RunSettings(images=f"file:///o/{folder}", output="file:///o")
    assert RunSettings(images="file:///o/staging-area", output="file:///o")


def test_limits_and_catalog_are_checked_too() -> None:
    """Nested settings are validated, too."""
    with pytest.raises(SettingsError, match="megapixels"):
        Limits(megapixels=0)
    with pytest.raises(SettingsError, match="hive"):
        CatalogSettings(kind="hive")
    with pytest.raises(SettingsError, match="no-dash"):
        CatalogSettings(database="no-dash")
    with pytest.raises(SettingsError, match="--database can't be 'tables'"):
        CatalogSettings(database="tables")


def test_paths_become_urls_and_urls_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths, spaces, and characters with a meaning in URLs are encoded."""
    monkeypatch.chdir(tmp_path)
    assert as_url("my fruits #1") == f"{tmp_path.as_uri()}/my%20fruits%20%231"
    assert as_url("s3://bucket/images/") == "s3://bucket/images"
