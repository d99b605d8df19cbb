"""The images that exist and those that an output knows, and the notices of both."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

from cli.known_keys import known_keys
from cli.near_names import hint
from contract.image_names import is_no_image
from contract.layout import fault_of, notices_file
from contract.notices import Notice, NoticeType
from contract.runs import new_run_id
from spark_app.errors import UsageError
from spark_app.stages.listing import Omissions, list_images
from spark_app.storage import Storage

NOTICES_PER_FILE = 5_000
"""About as many as a batch of events in the cloud yields."""

ALL = ""
"""Key of the folder of images itself."""


def write_notices(root: Storage, notices: Iterator[Notice]) -> Counter[NoticeType]:
    """Write notices to an inbox, and count them by what happened.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    counts: Counter[NoticeType] = Counter()
    while batch := list(islice(notices, NOTICES_PER_FILE)):
        root.create()
        body = "".join(notice.to_json() + "\n" for notice in batch)
        root.write(notices_file(new_run_id()), body.encode())
        counts.update(notice.op for notice in batch)
    return counts


@dataclass(frozen=True)
class Target:
    """An image or a folder, as the user named it and by its key."""

    name: str
    key: str


@dataclass
class Corpus:
    """The images that exist, and those that the output knows."""

    images: Storage
    root: Storage
    omissions: Omissions = field(default_factory=Omissions)
    """What notices leave out."""

    @cached_property
    def known(self) -> set[str]:
        """Keys that the output knows."""
        return known_keys(self.root)

    def find(self, path: str) -> Target:
        """Find the image or folder of a path, which may be gone.

        Raises
        ------
        UsageError
            If there is none, and if the output knows none either.
        """
        keys = [key for key in dict.fromkeys(self._keys_of(path)) if key == ALL or fault_of(key) is None]
        if not keys:
            raise UsageError(f"{path} does not lie below {self.images.display}.")
        for exists in (self._exists, self._is_known):
            if found := [key for key in keys if exists(key)]:
                return Target(path, found[0])
        raise UsageError(f"There is no {path} in {self.images.display}, and no run has read one.{self._hint(keys)}")

    def _keys_of(self, path: str) -> Iterator[str]:
        """Yield the keys that a path may stand for: it begins at the current folder, or at the folder of images."""
        if not self.images.is_local:
            yield path.removeprefix(f"{self.images.url}/").strip("/")
            return
        for candidate in (Path.cwd() / path, self.images.local_path / path):
            for base in (Path(os.path.normpath(candidate)), candidate.parent.resolve() / candidate.name):
                if base.is_relative_to(self.images.local_path):
                    key = base.relative_to(self.images.local_path).as_posix()
                    yield ALL if key == "." else key

    def _exists(self, key: str) -> bool:
        if self.images.is_local:
            try:
                if (self.images.local_path / key).is_dir():
                    return True
            except OSError:  # such as a name that is too long for a file
                return False
        return key == ALL or self.images.find(key) is not None or any(self._list(key, Omissions()))

    def _is_known(self, key: str) -> bool:
        return key in self.known or any(known.startswith(f"{key}/") for known in self.known)

    def _hint(self, keys: list[str]) -> str:
        existing = {notice.key for notice in self._list(ALL, Omissions())} | self.known
        folders = {str(folder) for key in existing for folder in Path(key).parents} - {"."}
        return hint(keys, existing | folders)

    def notices(self, place: Target) -> Iterator[Notice]:
        """Yield a notice of each image at a place, and of each image that is gone from it."""
        exist = set()
        if place.key != ALL and (size_and_etag := self.images.find(place.key)) is not None:
            if is_no_image(place.key):
                self.omissions.skipped += 1
                return
            yield _created(place.key, *size_and_etag)
            return
        for notice in self._list(place.key, self.omissions):
            exist.add(notice.key)
            yield notice
        for key in sorted(self.known - exist):
            if self._lies_in(key, place) and self.images.find(key) is None and fault_of(key) is None:
                yield Notice(key=key, op=NoticeType.REMOVED, sequencer=_sequencer())

    def _lies_in(self, key: str, place: Target) -> bool:
        locked = any(key.startswith(folder) for folder in self.omissions.folders)
        return not locked and (place.key in {ALL, key} or key.startswith(f"{place.key}/"))

    def _list(self, folder: str, omissions: Omissions) -> Iterator[Notice]:
        for batch in list_images(self.images, omissions, folder or None):
            for key, etag, size in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield _created(key, size, etag)


def _created(key: str, size: int, etag: str) -> Notice:
    return Notice(key=key, op=NoticeType.CREATED, etag=etag, size=size, sequencer=_sequencer())


def _sequencer() -> str:
    """Return a text that sorts after all earlier ones, as the sequencers of S3 do."""
    return f"{time.time_ns():018X}"
