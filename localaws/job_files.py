"""The files that EMR Serverless stages for a job: fetched from S3 under the job's role, and unpacked."""

import hashlib
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localaws.spark_submit import S3Url, Submission


class JobFiles:
    """A cache of staged files: most jobs ship the same 200 MB."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def stage(self, s3: Any, submission: Submission, job_folder: Path) -> Mapping[S3Url, Path]:  # noqa: ANN401 -- boto3's client
        """Fetch all files of a job, and return the path of each.

        Parameters
        ----------
        s3
            Client that acts under the role of the job.
        job_folder
            Working folder of the job, which gets a link to each unpacked archive.

        Raises
        ------
        ClientError
            If a file does not exist, or the role may not read it.
        """
        with self._lock:
            paths = {url: self._fetch(s3, url) for url in submission.files}
            for name, url in submission.archives.items():
                (job_folder / name).symlink_to(_unpacked(paths[url]))
        return paths

    def _fetch(self, s3: Any, url: S3Url) -> Path:  # noqa: ANN401 -- boto3's client
        """Ask for the version of a file under the role of each job, and fetch it if it is new."""
        etag = s3.head_object(Bucket=url.bucket, Key=url.key)["ETag"]
        version = hashlib.sha256(f"{url.bucket}/{url.key} {etag}".encode()).hexdigest()[:16]
        path = self._folder / version / Path(url.key).name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(url.bucket, url.key, str(partial := path.with_suffix(".partial")))
            partial.rename(path)
        return path


def _unpacked(archive: Path) -> Path:
    """Unpack an archive beside itself, once."""
    folder = archive.parent / "unpacked"
    if not folder.exists():
        partial = archive.parent / "unpacked.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.unpack_archive(archive, partial, "zip" if archive.suffix == ".zip" else "gztar", filter="data")
        partial.rename(folder)
    return folder
