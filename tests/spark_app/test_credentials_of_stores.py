"""Tests of what the modules of the stores outside of AWS take from the environment. They need no emulator."""

from pathlib import Path

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


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("AZURE_STORAGE_ENDPOINT", "http://", "AZURE_STORAGE_ENDPOINT must be a URL such as https://account.blob"),
        ("AZURE_STORAGE_ENDPOINT", "account.blob.core.windows.net", "AZURE_STORAGE_ENDPOINT must be a URL"),
        ("AZURE_STORAGE_ENDPOINT", "https://host:port", "AZURE_STORAGE_ENDPOINT must be a URL"),
        ("AZURE_STORAGE_ACCOUNT_KEY", "not base64!", "Invalid Access Key|Invalid base64"),
        ("AZURE_TENANT_ID", "no tenant", "Invalid tenant ID"),
    ],
)
def test_a_malformed_variable_of_azure_is_named(
    variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable with a mistake gives a sentence that leads to it, for images and for an output."""
    azure_storage._identity.cache_clear()  # noqa: SLF001 -- another test may have made one
    defaults = {"AZURE_STORAGE_ACCOUNT_NAME": "account", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}
    for name, given in (defaults | {variable: value}).items():
        monkeypatch.setenv(name, given)
    container = Storage(f"az://{variable.lower().replace('_', '-')}-{len(value)}/images")
    with pytest.raises(SettingsError, match=message):
        container.find("a.jpg")
    with pytest.raises((SettingsError, StorageError), match=message):
        list(container.list_objects())


@pytest.mark.parametrize("domain", ["core.windows.net", "core.chinacloudapi.cn"])
def test_spark_reaches_the_account_of_the_endpoint(domain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables are where the other files of the output are, also in another cloud of Azure."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "key")
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"https://account.blob.{domain}/")
    assert Storage("az://box/out").spark_path("a") == f"abfss://box@account.dfs.{domain}/out/a"
    assert hadoop_secrets("az://box/out") == {f"fs.azure.account.key.account.dfs.{domain}": "key"}


@pytest.mark.parametrize(
    "endpoint",
    ["https://other.blob.core.windows.net", "https://proxy.example.com", "https://account.blob.core.windows.net/path"],
)
def test_an_endpoint_that_spark_would_not_use_is_refused(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise, Spark would write the tables to another place than the other files, without a word."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "key")
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", endpoint)
    with pytest.raises(SettingsError, match=f"Spark can't write to az:// at {endpoint}: unset AZURE_STORAGE_ENDPOINT"):
        hadoop_settings("az://box/out")


@pytest.mark.parametrize("found", [None, "a folder", "[]", "not a document", '{"type": "service_account"}'])
def test_missing_google_credentials_are_reported(
    found: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without credentials, or with a file that has none, the error says how to get them."""
    key = tmp_path / "key.json"
    if found == "a folder":
        key.mkdir()
    elif found:
        key.write_text(found)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
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
