"""The state that all parts of the local AWS share: its address, its access keys, its clients and its pace."""

import os
import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

ACCOUNT = "123456789012"
REGION = "eu-west-1"

ADMINISTRATOR = "administrator"
"""Access key for deployments and uploads. Any access key that does not belong to a role has administrator rights."""

OWN_PAGES = "/_localaws/"
"""Requests below this path are for the local AWS itself, not for a service of AWS."""

LOG = "local-aws.log"
"""Name of the log in the scratch folder."""


class LocalAwsError(Exception):
    """The local AWS cannot do what a request or a template asks for; the message says what."""


def refuse_unknown(found: Iterable[str], known: Collection[str], what: str) -> None:
    """Refuse parts that are not known here, as they would have no effect.

    Raises
    ------
    LocalAwsError
        If `found` has a name that `known` does not have.
    """
    if unknown := sorted(set(found) - set(known)):
        raise LocalAwsError(f"The local AWS does not know {', '.join(unknown)} of {what}.")


@contextmanager
def refusing(kind: Callable[[str], Exception]) -> Iterator[None]:
    """Raise an error of the local AWS as an error of the service that was called."""
    try:
        yield
    except LocalAwsError as error:
        raise kind(str(error)) from error


class Principals:
    """The access keys of roles: they are made here, as AWS makes them when a service assumes a role."""

    def __init__(self) -> None:
        self._roles: dict[str, str] = {}

    def assume_role(self, role_arn: str) -> dict[str, str]:
        """Return temporary credentials of a role, as the environment variables that every AWS SDK reads."""
        key = f"ASIA{secrets.token_hex(8).upper()}"
        self._roles[key] = role_arn
        return {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
            "AWS_SESSION_TOKEN": secrets.token_hex(40),
        }

    def role_of(self, access_key: str) -> str | None:
        """Return the role that an access key belongs to, or `None` if the key has administrator rights."""
        return self._roles.get(access_key)


def administrator_session() -> boto3.Session:
    """Return a session of the administrator; the AWS profile of the shell, which is for another account, is ignored."""
    plain = botocore.session.Session({"profile": (None, None, None, None)})
    return boto3.Session(ADMINISTRATOR, ADMINISTRATOR, region_name=REGION, botocore_session=plain)


def variables_for(endpoint: str) -> dict[str, str]:
    """Return the environment variables that lead every AWS SDK and command to a local AWS."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@dataclass(frozen=True)
class LocalAws:
    """The state that every part needs.

    Attributes
    ----------
    port
        Port of all services; they listen on 127.0.0.1 only.
    folder
        Scratch folder; the server removes it when it closes.
    pace
        Factor by which waits are shorter than in AWS: the batching window, the visibility timeout, the idle time of
        applications, and the waits and retries of state machines. Nothing else is faster.
    spark_jars
        Jars on the class path of every Spark job, such as the S3 client that EMR's image contains.
    processes
        ARN of a role → id of the process group that runs under it, so that a fault can kill the caller.
    stopping
        This event is set when the local AWS ends; threads that wait for anything else also watch it.
    """

    port: int
    folder: Path
    pace: float = 1.0
    spark_jars: tuple[Path, ...] = ()
    principals: Principals = field(default_factory=Principals)
    processes: dict[str, int] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    _session: boto3.Session = field(default_factory=administrator_session, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)
    _making_clients: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def endpoint(self) -> str:
        """URL of all services."""
        return f"http://127.0.0.1:{self.port}"

    def shortened(self, seconds: float) -> float:
        """Convert a wait of AWS into the wait that the pace makes of it."""
        return seconds / self.pace

    def client(self, service: str, role_arn: str | None = None) -> Any:  # noqa: ANN401 -- boto3's clients
        """Return a client of a service that acts under a role, or as the administrator if `role_arn` is `None`."""
        with self._making_clients:  # a boto3 session is not thread-safe, its clients are
            if role_arn is not None:
                return self._make_client(service, self.principals.assume_role(role_arn))
            if service not in self._clients:
                self._clients[service] = self._make_client(service, {})
            return self._clients[service]

    def _make_client(self, service: str, keys: dict[str, str]) -> Any:  # noqa: ANN401 -- boto3's clients
        config = Config(retries={"mode": "standard", "max_attempts": 5})
        parameters: Any = {name.lower(): value for name, value in keys.items()}
        return self._session.client(service, endpoint_url=self.endpoint, config=config, **parameters)  # type: ignore[call-overload] # the overloads of boto3's stubs list literal names

    def environment(self, role_arn: str) -> dict[str, str]:
        """Return the environment variables of a process that acts under a role and can reach only this AWS."""
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "AWS_ALLOW_HTTP": "true",  # obstore reads it
            **variables_for(self.endpoint),
            **self.principals.assume_role(role_arn),
        }
