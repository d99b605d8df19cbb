"""Where the notebook works: on this machine, in a rehearsed cloud, or in a deployed environment."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from cdk.settings import EU_REGIONS
from contract.layout import QUERIES
from spark_app.errors import FruitsError, UsageError
from spark_app.storage import Storage

if TYPE_CHECKING:
    import boto3

    from cli.cloud.environment import Deployment
    from cli.cloud.records import RecordedRun

ENVIRONMENT = "dev"
"""Environment that the notebook uses, in the rehearsal as in AWS."""

FOLDER = f"{QUERIES}notebook/"
"""Folder of what the notebook writes to a place. The bucket deletes it after some days."""

REHEARSAL_KEY = "rehearsal"
"""Access key for a local AWS, which accepts any."""


class Where(StrEnum):
    """Values of the notebook's parameter ``WHERE``."""

    LOCAL = "local"
    """This machine: images and results are folders."""
    REHEARSAL = "rehearsal"
    """The stack in a local AWS (`fruits rehearse up`)."""
    DEV = "dev"
    """The environment `dev` in the AWS account of the credentials."""


class RegionError(FruitsError):
    """Data would leave the European Union."""


@dataclass(frozen=True, kw_only=True)
class Residence:
    """Where data are: the bucket, what AWS says of its Region, and whether the Region is in the European Union.

    Raises
    ------
    RegionError
        If the Region is not in the European Union.
    """

    bucket: str
    region: str

    def __post_init__(self) -> None:
        if self.region not in EU_REGIONS:
            raise RegionError(
                f"The bucket {self.bucket} is in {self.region}, which is not in the European Union: use an environment "
                f"in one of {', '.join(EU_REGIONS)}."
            )


@dataclass(frozen=True, kw_only=True)
class ObjectPlace:
    """A folder or a bucket in which the notebook writes objects and reads them back.

    Attributes
    ----------
    name
        How to name the place to a reader.
    write, read, remove
        Write an object, read it, and remove it, by its key.
    """

    name: str
    write: Callable[[str, bytes], None]
    read: Callable[[str], bytes]
    remove: Callable[[str], None]


def cloud_of(where: str, endpoint_url: str | None = None) -> "Deployment | None":
    """Connect to the environment of the notebook; return `None` if it works on this machine.

    Parameters
    ----------
    endpoint_url
        Endpoint of the local AWS; `None` for that of `fruits rehearse up`, or for AWS itself.

    Raises
    ------
    UsageError
        If `where` is no place, or if the environment is not deployed.
    CloudError
        If AWS does not answer.
    """
    if where not in list(Where):
        raise UsageError(f"WHERE must be {', '.join(Where)}, not {where!r}.")
    if where == Where.LOCAL:
        return None
    from cli.cloud.environment import connect
    from cli.cloud.errors import explained_errors

    with explained_errors():
        if where == Where.DEV:
            return connect(ENVIRONMENT)
        return connect(ENVIRONMENT, endpoint_url or _endpoint_of_rehearsal(), _rehearsal_session())


def _endpoint_of_rehearsal() -> str:
    from rehearsal.stay import host_that_is_up

    return host_that_is_up().endpoint


def _rehearsal_session() -> "boto3.Session":
    """Return a session with keys that no AWS accepts: a rehearsal must not reach an account of this machine."""
    import boto3

    from cli.cloud.environment import settings_of

    return boto3.Session(REHEARSAL_KEY, REHEARSAL_KEY, region_name=settings_of(ENVIRONMENT).region)


def variables_of(cloud: "Deployment | None") -> dict[str, str]:
    """Return the environment variables by which the `fruits` commands act as the notebook does in a local AWS."""
    if cloud is None or cloud.endpoint_url is None:
        return {}
    return dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), REHEARSAL_KEY)


def options_of(cloud: "Deployment") -> list[str]:
    """Return the options by which the `fruits` commands find the environment."""
    endpoint = ["--endpoint-url", cloud.endpoint_url] if cloud.endpoint_url else []
    return ["--env", cloud.environment, *endpoint]


def residence_of(cloud: "Deployment") -> Residence:
    """Ask S3 for the Region of the bucket.

    Raises
    ------
    RegionError
        If it is not in the European Union.
    CloudError
        If AWS does not answer.
    """
    from cli.cloud.errors import explained_errors
    from cli.cloud.evidence.places import OLD_NAMES

    with explained_errors():
        answer = cloud.s3.get_bucket_location(Bucket=cloud.bucket)
    region = str(answer["LocationConstraint"])
    return Residence(bucket=cloud.bucket, region=OLD_NAMES.get(region, region))


def object_place(cloud: "Deployment | None", folder: Path) -> ObjectPlace:
    """Return the place of the notebook's own matrix: the bucket of the cloud, or a folder on this machine.

    Parameters
    ----------
    folder
        Folder for a notebook that works on this machine.
    """
    return _folder_place(folder) if cloud is None else _bucket_place(cloud)


def _folder_place(folder: Path) -> ObjectPlace:
    root = Storage(folder.resolve().as_uri())
    root.create()
    return ObjectPlace(
        name=root.display,
        write=root.write,
        read=lambda key: (folder / key).read_bytes(),
        remove=lambda key: (folder / key).unlink(),
    )


def _bucket_place(cloud: "Deployment") -> ObjectPlace:
    s3, bucket = cloud.s3, cloud.bucket
    return ObjectPlace(
        name=f"s3://{bucket}/{FOLDER}",
        write=lambda key, body: _ignored(s3.put_object(Bucket=bucket, Key=FOLDER + key, Body=body)),
        read=lambda key: s3.get_object(Bucket=bucket, Key=FOLDER + key)["Body"].read(),
        remove=lambda key: _ignored(s3.delete_object(Bucket=bucket, Key=FOLDER + key)),
    )


def _ignored(_: object) -> None:
    """Return nothing for an answer of AWS that says only that the request succeeded."""


def last_run_of(cloud: "Deployment") -> "RecordedRun":
    """Return the last complete run of the environment, with its summary and its record.

    Raises
    ------
    FruitsError
        If there is none, or if AWS does not answer.
    """
    from cli.cloud.errors import explained_errors
    from cli.cloud.records import recorded_run
    from cli.cloud.results import last_run

    with explained_errors():
        return recorded_run(cloud, last_run(cloud))
