"""A sample of the images: a few of each variety, from a folder or from a bucket."""

import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

from cli.cloud.bucket import folders_in, keys_below, read
from cli.cloud.environment import Deployment
from cli.cloud.folder import files_below
from contract.image_names import is_no_image
from contract.layout import IMAGES, fault_of

EACH, MOST = 3, 150
"""Images of each variety, and images in all."""


def sampled(names: Iterable[str], each: int = EACH, most: int = MOST) -> list[str]:
    """Choose the first images of each folder.

    Parameters
    ----------
    names
        Paths with slashes, in any order.
    """
    seen: dict[PurePosixPath, int] = {}
    chosen = []
    for name in sorted(names):
        folder = PurePosixPath(name).parent
        seen[folder] = seen.get(folder, 0) + 1
        if seen[folder] <= each:
            chosen.append(name)
    return chosen[:: max(1, -(-len(chosen) // most))]


def copy_sample(images: Path, target: Path) -> int:
    """Copy a sample of a folder of images, and return the number of files."""
    chosen = sampled(file.name for file in files_below(images) if not file.problem)
    for name in chosen:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(images / name, target / name)
    return len(chosen)


def download_sample(deployment: Deployment, target: Path) -> int:
    """Download a sample of the images of an environment, and return the number of files.

    An image that was deleted after the listing is left out.

    Raises
    ------
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        If the bucket can't be read.
    """
    written = 0
    for name in sampled(_first_of_each_folder(deployment)):
        body = read(deployment, f"{IMAGES}{name}")
        if body is not None:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(body)
            written += 1
    return written


def _first_of_each_folder(deployment: Deployment) -> Iterator[str]:
    """Return the first images of each folder: a bucket may have more images than can be listed in a short time."""
    for folder in islice(folders_in(deployment, IMAGES), MOST):
        keys = (key.removeprefix(IMAGES) for key in keys_below(deployment, f"{IMAGES}{folder}/"))
        safe = (key for key in keys if not is_no_image(key) and fault_of(key) is None)
        yield from islice(safe, EACH)
