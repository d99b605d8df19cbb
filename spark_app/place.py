"""A place: a folder on this machine, or a bucket. Commands check their places before they load any library."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from spark_app.errors import ImagesError, OutputError

OTHER_STORES = ("gs", "az")
"""Schemes of the URLs of stores outside of AWS: Google Cloud Storage and Azure Blob Storage."""


@dataclass(frozen=True)
class Place:
    """A folder or a bucket. `spark_app.storage.Storage` reads and writes its objects."""

    url: str
    """URL such as ``file:///home/me/images`` or ``s3://bucket/images``, percent-encoded, without a slash at the end."""

    @property
    def is_local(self) -> bool:
        """Whether the objects are files on this machine."""
        return self.url.startswith("file:")

    @property
    def is_bucket_of_aws(self) -> bool:
        """Whether the objects are in S3."""
        return self.url.startswith("s3:")

    @property
    def other_store(self) -> str | None:
        """Scheme of a bucket outside of AWS, one of `OTHER_STORES`; `None` for other places."""
        scheme = urlsplit(self.url).scheme
        return scheme if scheme in OTHER_STORES else None

    @property
    def bucket_path(self) -> tuple[str, str]:
        """Name of the bucket or container of a URL, and the folder in it, which is empty or ends in a slash."""
        parts = urlsplit(self.url)
        root = unquote(parts.path).strip("/")
        return parts.netloc, f"{root}/" if root else ""

    @property
    def local_path(self) -> Path:
        """The folder of a ``file:`` URL."""
        return Path(unquote(urlsplit(self.url).path))

    @property
    def display(self) -> str:
        """The location in the form in which a user writes it."""
        return str(self.local_path) if self.is_local else self.url

    def exists(self) -> bool:
        """Return whether the folder exists. Buckets are assumed to exist."""
        return self.local_path.is_dir() if self.is_local else True

    def check_writable(self) -> None:
        """Check that the folder can be written or created. Buckets are not checked.

        Raises
        ------
        OutputError
            If this user can't write to the folder.
        """
        if self.is_local:
            try:
                nearest = next(path for path in (self.local_path, *self.local_path.parents) if path.exists())
            except OSError as error:  # such as a name that is too long
                raise OutputError(f"Can't write to {self.local_path}: {error.strerror}.") from error
            if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
                raise OutputError(f"Can't write to {self.local_path}: {nearest} is not a writable folder.")

    def create(self) -> None:
        """Create the folder if it does not exist. Buckets are not created.

        Raises
        ------
        OutputError
            If the folder can't be created.
        """
        if self.is_local:
            try:
                self.local_path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"Can't create {self.local_path}: {error.strerror}.") from error


def check_images_folder(images: Place) -> None:
    """Check that the folder of images exists.

    Raises
    ------
    ImagesError
        If the folder is missing.
    """
    if not images.exists():
        raise ImagesError(f"There is no folder {images.display}.")
