"""Google Cloud Storage: credentials, listings, and how Spark's connector reaches it.

The variable ``GOOGLE_BASE_URL`` names another endpoint, such as a private one. One that begins with ``http:`` is an
emulator, which gets no credentials.
"""

import os
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from spark_app.errors import StorageError
from spark_app.listed import ListedObject

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from requests import Session

ENDPOINT = "https://storage.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
FIELDS = "nextPageToken,items(name,generation,size)"

TIMEOUT = 60.0
"""Seconds for one page of a listing."""

RETRIES = 5
BACKOFF = 1.0
"""Seconds before the second repetition of a request. The time doubles with each one."""

PASSING = (429, 500, 502, 503, 504)
"""Statuses after which Google asks clients to repeat a request."""


def client_options() -> dict[str, Any]:
    """Return the keyword arguments of obstore's client.

    Raises
    ------
    StorageError
        If there are no credentials.
    """
    if is_emulated():
        return {
            "config": {"base_url": _endpoint()},
            "client_options": {"allow_http": True},
            "credential_provider": lambda: {"token": "none", "expires_at": None},
        }
    from obstore.auth.google import GoogleCredentialProvider

    return {"config": {"base_url": _endpoint()}, "credential_provider": GoogleCredentialProvider(_credentials())}


def pages(bucket: str, prefix: str) -> Iterator[list[ListedObject]]:
    """List a bucket, a thousand objects at a time.

    obstore's own listing ends at the first name that it can't handle, and loses the thousand objects around it.

    Parameters
    ----------
    prefix
        Beginning of the full keys.

    Raises
    ------
    StorageError
        If there are no credentials, or if Google refuses to list.
    """
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import AuthorizedSession
    from requests import RequestException

    query = {"prefix": prefix, "fields": FIELDS}
    try:
        with AuthorizedSession(_credentials()) as session:  # type: ignore[no-untyped-call]
            _repeat_failures(session)
            while True:
                answer = session.get(f"{_endpoint()}/storage/v1/b/{bucket}/o", params=query, timeout=TIMEOUT)
                answer.raise_for_status()
                page = answer.json()
                yield [ListedObject(o["name"], o["generation"], int(o["size"])) for o in page.get("items", [])]
                if not (token := page.get("nextPageToken")):
                    return
                query["pageToken"] = token
    except (RequestException, GoogleAuthError) as error:
        raise StorageError(f"Can't list gs://{bucket}: {str(error).splitlines()[0]}") from error


def _repeat_failures(session: "Session") -> None:
    """Let a session repeat requests after errors that pass, as the other clients of the stores do."""
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    retries = Retry(RETRIES, backoff_factor=BACKOFF, status_forcelist=PASSING, raise_on_status=False)
    session.mount(_endpoint(), HTTPAdapter(max_retries=retries))


def spark_root(bucket: str, folder: str) -> str:
    """Return the URL by which Spark's connector names a folder of a bucket.

    Parameters
    ----------
    folder
        Empty, or with a slash at its end.
    """
    return f"gs://{bucket}/{folder}"


def hadoop_settings() -> dict[str, str]:
    """Return the settings of Spark's connector. It finds the same credentials itself."""
    return {
        "fs.gs.impl": "com.google.cloud.hadoop.fs.gcs.GoogleHadoopFileSystem",
        "fs.gs.storage.root.url": f"{_endpoint()}/",
        "fs.gs.auth.type": "UNAUTHENTICATED" if is_emulated() else "APPLICATION_DEFAULT",
        # The connector renames by copying and deleting, which needs no further permission.
        "fs.gs.operation.move.enable": "false",
    }


def hadoop_secrets() -> dict[str, str]:
    """Return the settings of Spark's connector that are secret: none, because it reads files that hold them."""
    return {}


def is_emulated() -> bool:
    """Return whether the endpoint is an emulator."""
    return _endpoint().startswith("http:")


def _endpoint() -> str:
    return os.environ.get("GOOGLE_BASE_URL", ENDPOINT).rstrip("/")


def _credentials() -> "Credentials":
    if is_emulated():
        from google.auth.credentials import AnonymousCredentials

        return AnonymousCredentials()  # type: ignore[no-untyped-call]
    return _application_default()


@cache
def _application_default() -> "Credentials":
    import google.auth
    from google.auth.exceptions import GoogleAuthError

    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
    except (GoogleAuthError, OSError, ValueError, AttributeError) as error:  # of a file that is not a key, too
        raise StorageError(
            "There are no Google credentials: run `gcloud auth application-default login`, or set "
            "GOOGLE_APPLICATION_CREDENTIALS to the file of a service account's key."
        ) from error
    return credentials
