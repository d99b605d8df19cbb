"""What the parts of the local AWS share: where it answers, in whose name calls are made, and how fast time passes."""

import os
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ACCOUNT = "123456789012"
REGION = "eu-west-1"

ADMINISTRATOR = "administrator"
"""Access key of whoever deploys and uploads; as every key that is no role's, it may do anything."""

OWN_PAGES = "/_localaws/"
"""Requests below this path are for the local AWS itself, not for a service of AWS."""

LOG = "local-aws.log"
"""In the scratch folder: what goes wrong behind the scenes."""


class LocalAwsError(Exception):
    """The local AWS can't do what was asked for, and won't pretend; the message says what."""


class Principals:
    """Who holds which access key: keys of roles are made here, as AWS makes them when a service takes on a role."""

    def __init__(self) -> None:
        self._roles: dict[str, str] = {}

    def take_on(self, role_arn: str) -> dict[str, str]:
        """Make temporary credentials of a role.

        Returns
        -------
        dict
            As environment variables that every AWS SDK understands.
        """
        key = f"ASIA{secrets.token_hex(8).upper()}"
        self._roles[key] = role_arn
        return {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
            "AWS_SESSION_TOKEN": secrets.token_hex(40),
        }

    def role_of(self, access_key: str) -> str | None:
        """Return the role that a key stands for, or None if it is the administrator's."""
        return self._roles.get(access_key)


@dataclass(frozen=True)
class LocalAws:
    """What every part needs to know.

    Attributes
    ----------
    port
        Where it answers, on this machine only.
    folder
        Scratch, removed with everything in it when the local AWS ends.
    pace
        How much shorter waits are than those of AWS: the window of the queue, its visibility timeouts, the waits and
        retries of the workflow. Nothing else is sped up.
    principals
        The keys of roles.
    spark_jars
        Jars that every Spark job gets, as those of EMR's image: the client for S3.
    processes
        Role → process group that runs under it, for faults that kill who calls.
    stopping
        Set when the local AWS ends: threads that wait for something wait for this, too.
    """

    port: int
    folder: Path
    pace: float = 1.0
    principals: Principals = field(default_factory=Principals)
    spark_jars: tuple[Path, ...] = ()
    processes: dict[str, int] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    _session: boto3.Session = field(default_factory=boto3.Session, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)
    _making_clients: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def endpoint(self) -> str:
        """URL of all services."""
        return f"http://127.0.0.1:{self.port}"

    def seconds(self, of_aws: float) -> float:
        """Say how long a wait lasts here."""
        return of_aws / self.pace

    def client(self, service: str, role_arn: str | None = None) -> Any:  # noqa: ANN401 -- boto3's clients
        """Make a client of a service, as the administrator or under a role."""
        with self._making_clients:  # a session of boto3 is made for one thread, its clients for many
            if role_arn is not None:
                return self._make_client(service, self.principals.take_on(role_arn))
            if service not in self._clients:
                keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ADMINISTRATOR)
                self._clients[service] = self._make_client(service, keys)
            return self._clients[service]

    def _make_client(self, service: str, keys: dict[str, str]) -> Any:  # noqa: ANN401 -- as above
        return self._session.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys.get("AWS_SESSION_TOKEN"),
            config=Config(retries={"mode": "standard", "max_attempts": 5}),
        )

    def environment(self, role_arn: str) -> dict[str, str]:
        """Compose the environment variables of a process that runs under a role, and knows no other AWS than this."""
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",  # obstore's
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.principals.take_on(role_arn),
        }
