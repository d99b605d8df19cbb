"""Sends the content of local files to the bucket of an environment, each file in one request."""

from pathlib import Path

from cli.cloud.environment import Deployment
from cli.cloud.parallel import THREADS
from spark_app.errors import StorageError

LARGEST_SMALL_FILE = 1 << 20
"""Size in bytes up to which a file is read at once and sent with obstore."""

FAILURES_IN_A_ROW = THREADS
"""Number of files that obstore fails to send, one after the other, before it gets no more files."""


class Sender:
    """Sends files from several threads.

    boto3 takes more than a millisecond of one processor per request, which limits small files to a few hundred per
    second. obstore takes a tenth, and sends small files. If it fails for any reason, boto3 sends the file again: boto3
    repeats requests, knows all settings of proxies and certificates, and its errors are those that
    `cli.cloud.errors` explains.
    """

    def __init__(self, deployment: Deployment) -> None:
        from spark_app.storage import writer_to  # a mistake on the command line is answered without this library

        self._s3 = deployment.s3
        self._bucket = deployment.bucket
        self._write = writer_to(self._bucket, deployment.session, self._s3.meta.endpoint_url, deployment.region)
        self._failures = 0

    def send(self, path: Path, key: str, size: int) -> None:
        """Send the content of a file.

        Raises
        ------
        OSError
            If the file can't be read.
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
            If S3 does not accept the object, or does not answer.
        """
        if size <= LARGEST_SMALL_FILE and self._failures < FAILURES_IN_A_ROW:
            try:
                self._write(key, path.read_bytes())
            except StorageError:
                self._failures += 1
            else:
                self._failures = 0
                return
        with path.open("rb") as body:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)
