"""Azure Blob Storage: credentials, listings, and how Spark's connector reaches it.

A URL such as ``az://container/folder`` names no storage account: the variable ``AZURE_STORAGE_ACCOUNT_NAME`` does. The
variable ``AZURE_STORAGE_ENDPOINT`` names another endpoint. One that begins with ``http:`` is an emulator. Spark's
connector accepts no others than those of the account's name, such as ``https://account.blob.core.chinacloudapi.cn``.
"""

import os
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from spark_app.errors import SettingsError, StorageError
from spark_app.listed import ListedObject

if TYPE_CHECKING:
    from azure.core.credentials import AzureSasCredential
    from azure.identity import DefaultAzureCredential

ACCOUNT, KEY, SAS, ENDPOINT = (
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_ENDPOINT",
)
TENANT, CLIENT, CLIENT_SECRET = "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"

CONNECTOR_DOMAIN = "dfs.core.windows.net"
"""Domain of the accounts for Spark's connector, unless the endpoint has another one."""

FOLDER = "hdi_isfolder"
"""Metadata of the objects by which Azure and Spark's connector represent folders."""


def account() -> str:
    """Return the name of the storage account.

    Raises
    ------
    SettingsError
        If the environment does not name it.
    """
    if not (name := os.environ.get(ACCOUNT)):
        raise SettingsError(f"az:// needs the name of the storage account: set {ACCOUNT}.")
    return name


def client_options() -> dict[str, Any]:
    """Return the keyword arguments of obstore's client.

    Raises
    ------
    SettingsError
        If the environment names no storage account.
    """
    config = {"account_name": account(), "endpoint": _endpoint()}
    options: dict[str, Any] = {"config": config, "client_options": {"allow_http": is_emulated()}}
    if key := os.environ.get(KEY):
        config["account_key"] = key
    elif sas := os.environ.get(SAS):
        config["sas_key"] = sas
    else:
        from obstore.auth.azure import AzureCredentialProvider

        options["credential_provider"] = AzureCredentialProvider(_identity())
    return options


def pages(container: str, prefix: str) -> Iterator[list[ListedObject]]:
    """List a container, five thousand objects at a time.

    obstore's own listing ends at the first name that it can't handle, and loses the objects around it.

    Parameters
    ----------
    prefix
        Beginning of the full keys.

    Raises
    ------
    SettingsError
        If the environment names no storage account.
    StorageError
        If there are no credentials, or if Azure refuses to list.
    """
    from azure.core.exceptions import AzureError, ClientAuthenticationError
    from azure.storage.blob import ContainerClient

    try:
        with ContainerClient(_endpoint(), container, credential=_credential()) as client:
            for page in client.list_blobs(name_starts_with=prefix, include=["metadata"]).by_page():
                found = (blob for blob in page if (blob.metadata or {}).get(FOLDER) != "true")
                yield [ListedObject(blob.name, blob.etag, blob.size) for blob in found]
    except ClientAuthenticationError as error:
        raise StorageError(
            f"Azure does not let this user list az://{container} ({str(error).splitlines()[0]}): set {KEY}, or run "
            "`az login` with an account that has the role Storage Blob Data Contributor."
        ) from error
    except AzureError as error:
        raise StorageError(f"Can't list az://{container}: {str(error).splitlines()[0]}") from error


def spark_root(container: str, folder: str) -> str:
    """Return the URL by which Spark's connector names a folder of a container.

    Parameters
    ----------
    folder
        Empty, or with a slash at its end.

    Raises
    ------
    SettingsError
        If the environment names no storage account.
    """
    scheme = "abfs" if is_emulated() else "abfss"
    return f"{scheme}://{container}@{_host()}/{folder}"


def hadoop_settings() -> dict[str, str]:
    """Return the settings of Spark's connector that are no secrets.

    Raises
    ------
    SettingsError
        If the environment names no storage account, or no credentials or endpoint that the connector can use.
    """
    _host()  # a run without it has no use for advice on credentials
    settings = {
        # Accounts without hierarchical namespace are reached by the API of Blob Storage.
        "fs.azure.fns.account.service.type": "BLOB",
        # These accounts rename by copying. The connector would wait a second before it asks whether a copy is complete.
        "fs.azure.blob.copy.progress.wait.millis": "50",
        "fs.azure.account.auth.type": _auth_type(),
    }
    if is_emulated():
        settings |= {
            "fs.azure.abfs.endpoint": urlsplit(_endpoint()).netloc,
            "fs.azure.account.hns.enabled": "false",
            "fs.azure.always.use.https": "false",
        }
    return settings


def hadoop_secrets() -> dict[str, str]:
    """Return the credentials for Spark's connector, which must not appear on a command line.

    Raises
    ------
    SettingsError
        As of `hadoop_settings`.
    """
    kind = _auth_type()
    if kind == "SharedKey":
        return {f"fs.azure.account.key.{_host()}": os.environ[KEY]}
    if kind == "SAS":
        return {"fs.azure.sas.fixed.token": os.environ[SAS]}
    return {
        "fs.azure.account.oauth.provider.type": "org.apache.hadoop.fs.azurebfs.oauth2.ClientCredsTokenProvider",
        "fs.azure.account.oauth2.client.endpoint": (
            f"https://login.microsoftonline.com/{os.environ[TENANT]}/oauth2/token"
        ),
        "fs.azure.account.oauth2.client.id": os.environ[CLIENT],
        "fs.azure.account.oauth2.client.secret": os.environ[CLIENT_SECRET],
    }


def is_emulated() -> bool:
    """Return whether the endpoint is an emulator."""
    return os.environ.get(ENDPOINT, "").startswith("http:")


def _auth_type() -> str:
    """Return the connector's name of the kind of credentials, in the order in which `client_options` takes them."""
    if os.environ.get(KEY):
        return "SharedKey"
    if os.environ.get(SAS):
        return "SAS"
    if all(os.environ.get(name) for name in (TENANT, CLIENT, CLIENT_SECRET)):
        return "OAuth"
    raise SettingsError(
        f"Spark can't write to az:// with the login of `az login`: set {KEY}, {SAS}, or all of {TENANT}, {CLIENT} and "
        f"{CLIENT_SECRET}."
    )


def _host() -> str:
    """Return the host by which Spark's connector knows the account, which must be the account of the endpoint."""
    if is_emulated():
        return f"{account()}.{CONNECTOR_DOMAIN}"
    prefix, found = f"{account()}.blob.", urlsplit(_endpoint())
    if not found.netloc.startswith(prefix) or found.path.strip("/"):
        raise SettingsError(
            f"Spark can't write to az:// at {_endpoint()}: unset {ENDPOINT}, or set it to a URL such as "
            f"https://{prefix}core.windows.net."
        )
    return f"{account()}.dfs.{found.netloc.removeprefix(prefix)}"


def _endpoint() -> str:
    url = os.environ.get(ENDPOINT) or f"https://{account()}.blob.core.windows.net"
    if not _is_url(url):
        raise SettingsError(f"{ENDPOINT} must be a URL such as https://{account()}.blob.core.windows.net.")
    return url


def _is_url(text: str) -> bool:
    try:
        found = urlsplit(text)
        return found.scheme in {"http", "https"} and bool(found.hostname) and found.port != 0
    except ValueError:  # of a port or an address that is none
        return False


def _credential() -> "str | AzureSasCredential | DefaultAzureCredential | dict[str, str]":
    if key := os.environ.get(KEY):
        return {"account_name": account(), "account_key": key}
    if sas := os.environ.get(SAS):
        from azure.core.credentials import AzureSasCredential

        return AzureSasCredential(sas)
    return _identity()


@cache
def _identity() -> "DefaultAzureCredential":
    from azure.identity import DefaultAzureCredential

    try:
        return DefaultAzureCredential()
    except ValueError as error:
        raise SettingsError(f"The login to Azure in the environment can't be used: {error}") from error
