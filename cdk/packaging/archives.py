"""Reproducible archives: the same files always make the same bytes."""

import gzip
import hashlib
import shutil
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cdk.packaging.package import PackagingError

MANIFEST = "MANIFEST"
"""File that lists SHA-256 and path of all other files of an archive, in the format of ``sha256sum --check``."""

COMMANDS = "bin/"
"""Folder whose files are executable."""

EPOCH = (1980, 1, 1, 0, 0, 0)
EPOCH_SECONDS = 315_532_800
"""Modification time of all files: the earliest time that a ZIP archive can store."""

COMPRESSION = 6
"""Compression level. Level 9 takes twice as long and saves less than 1 %."""


def copy_files(files: Mapping[str, Path], folder: Path) -> None:
    """Copy files to their paths below a folder."""
    for name, source in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def pack(folder: Path, target: Path) -> None:
    """Write a manifest into a folder, pack all files below the folder, and check the archive.

    Parameters
    ----------
    target
        Path of the archive, which ends in ``.tgz`` or ``.zip``.

    Raises
    ------
    PackagingError
        If the archive does not match its manifest.
    """
    names = [name for name in names_below(folder) if name != MANIFEST]
    (folder / MANIFEST).write_text("".join(f"{_sha256(folder / name)}  {name}\n" for name in names))
    (_write_tar if target.suffix == ".tgz" else _write_zip)(folder, sorted([*names, MANIFEST]), target)
    check(target)


def check(archive: Path) -> None:
    """Check that an archive contains exactly the files that its manifest lists.

    Raises
    ------
    PackagingError
        If the archive does not match its manifest.
    """
    found = {name: hashlib.sha256(body).hexdigest() for name, body in _entries(archive) if name != MANIFEST}
    listed = read_manifest(archive)
    if wrong := sorted(name for name in found.keys() | listed.keys() if found.get(name) != listed.get(name)):
        raise PackagingError(
            f"{archive.name} and its manifest differ in {len(wrong)} files, for instance in {wrong[0]}."
        )


def read_manifest(archive: Path) -> dict[str, str]:
    """Read the manifest of an archive: path → SHA-256.

    Raises
    ------
    PackagingError
        If the archive has no manifest.
    """
    for name, body in _entries(archive):
        if name == MANIFEST:
            lines = (line.split("  ", 1) for line in body.decode().splitlines())
            return {name: sha256 for sha256, name in lines}
    raise PackagingError(f"{archive.name} has no manifest.")


def names_below(folder: Path) -> list[str]:
    """Return the paths of all files below a folder, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def _write_tar(folder: Path, names: Iterable[str], target: Path) -> None:
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", COMPRESSION, raw, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = (folder / name).stat().st_size, _mode(name), EPOCH_SECONDS
            with (folder / name).open("rb") as body:
                archive.addfile(entry, body)


def _write_zip(folder: Path, names: Iterable[str], target: Path) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = 3, (0o100000 | _mode(name)) << 16
            archive.writestr(entry, (folder / name).read_bytes(), zipfile.ZIP_DEFLATED, COMPRESSION)


def _mode(name: str) -> int:
    return 0o755 if name.startswith(COMMANDS) else 0o644


def _entries(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Read name and content of each entry of an archive. The content of an entry that is not a file is empty."""
    if archive.suffix == ".tgz":
        with tarfile.open(archive) as packed:
            for entry in packed:
                body = packed.extractfile(entry) if entry.isfile() else None
                yield entry.name, body.read() if body else b""
    else:
        with zipfile.ZipFile(archive) as zipped:
            for name in zipped.namelist():
                yield name, zipped.read(name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
