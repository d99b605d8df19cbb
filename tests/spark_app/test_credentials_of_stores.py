"""Tests of what the modules of the stores outside of AWS take from the environment. They need no emulator."""

import pytest

from spark_app import azure_storage, google_storage
from spark_app.errors import SettingsError, StorageError
from spark_app.storage import Storage, hadoop_secrets, hadoop_settings

VARIABLES = (
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "GOOGLE_BASE_URL",
    "GOOGLE_APPLICATION_CREDENTIALS",
)


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_azure_needs_the_name_of_the_account() -> None:
    """A URL does not name it, so the error says which variable does."""
    with pytest.raises(SettingsError, match="set AZURE_STORAGE_ACCOUNT_NAME"):
        list(Storage("az://container/images").list_objects())
    with pytest.raises(SettingsError, match="set AZURE_STORAGE_ACCOUNT_NAME"):
        Storage("az://container/images").fetch("a.jpg")


def test_an_output_in_azure_needs_credentials_that_spark_can_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """The login of `az login` is refused before the run starts, with the variables that would do."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    with pytest.raises(SettingsError, match="set AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN, or all of"):
        hadoop_settings("az://container/output")


@pytest.mark.parametrize(
    ("variables", "kind"),
    [
        ({"AZURE_STORAGE_ACCOUNT_KEY": "s3cret"}, "SharedKey"),
        ({"AZURE_STORAGE_SAS_TOKEN": "s3cret"}, "SAS"),
        ({"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s3cret"}, "OAuth"),
    ],
)
def test_secrets_are_apart_from_the_settings(
    variables: dict[str, str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings go on the command line of Spark, which all users of the machine can read; secrets do not."""
    for name, value in {"AZURE_STORAGE_ACCOUNT_NAME": "account", **variables}.items():
        monkeypatch.setenv(name, value)
    settings = hadoop_settings("az://container/output")
    assert settings["fs.azure.account.auth.type"] == kind
    assert "s3cret" not in str(settings)
    assert "s3cret" in hadoop_secrets("az://container/output").values()


def test_paths_for_spark_are_those_of_its_connectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Iceberg writes these paths into its metadata, so they must name the account, and are not percent-encoded."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    assert Storage("az://box/my%20out").spark_path("a/b") == "abfss://box@account.dfs.core.windows.net/my out/a/b"
    assert Storage("gs://bucket").spark_path("a/b") == "gs://bucket/a/b"


def test_missing_google_credentials_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials, the error says how to get them."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    google_storage._application_default.cache_clear()  # noqa: SLF001 -- another test may have found credentials
    with pytest.raises(StorageError, match="gcloud auth application-default login"):
        list(Storage("gs://bucket/images").list_objects())


def test_only_an_endpoint_without_encryption_is_an_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real endpoints get credentials, and are reached with encryption."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "key")
    assert not google_storage.is_emulated()
    assert not azure_storage.is_emulated()
    assert google_storage.hadoop_settings()["fs.gs.auth.type"] == "APPLICATION_DEFAULT"
    assert "fs.azure.always.use.https" not in hadoop_settings("az://container/output")
    monkeypatch.setenv("GOOGLE_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", "http://127.0.0.1:1/account")
    assert google_storage.is_emulated()
    assert azure_storage.is_emulated()
