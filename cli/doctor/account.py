"""Checks of the AWS account: credentials, Region, bootstrap, quotas, and the stack of an environment."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from cdk.settings import EU_REGIONS, Environment
from cli.cloud.account import NOT_BOOTSTRAPPED, bootstrap_version
from cli.cloud.environment import CLIENT_CONFIG
from cli.cloud.errors import DENIED, NoAccessError, code_of, explain
from cli.doctor.checks import Check, Finding, fail, ok, skip, warn
from contract.environments import stack_name

IMPATIENT = CLIENT_CONFIG.merge(Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 2}))
"""A user waits for the findings, and no answer is a finding, too."""

LEAST_BOOTSTRAP = 6
"""Version of the bootstrap that the templates of CDK need (`DefaultStackSynthesizer`)."""

LAMBDA_CALLS = 10
"""Functions at the same time that an account should allow. A new account allows 10, and all functions of the stack
together need fewer: two of `start_run`, and one of each other."""


@dataclass(frozen=True)
class Quota:
    """A quota of the account in a Region, as Service Quotas names it: https://docs.aws.amazon.com/servicequotas/."""

    service: str
    code: str
    unit: str


EMR_VCPUS = Quota("emr-serverless", "L-D05C8A75", "vCPUs at once")
LAMBDA_CONCURRENCY = Quota("lambda", "L-B99A9384", "functions at once")


@dataclass(frozen=True)
class Account:
    """The account that the credentials lead to, as seen from the Region of an environment."""

    settings: Environment
    session: Any
    """Session of boto3, with the Region of the environment."""
    endpoint_url: str | None
    _lock: Lock = field(default_factory=Lock, repr=False)
    """Held while a client is made: a session of boto3 may serve one thread at a time."""

    def client(self, service: str) -> Any:  # noqa: ANN401 -- boto3's client, of a service without installed types
        """Return a client of a service."""
        with self._lock:
            return self.session.client(service, endpoint_url=self.endpoint_url, config=IMPATIENT)

    @cached_property
    def identity(self) -> dict[str, str]:
        """Account and user, which AWS tells every caller."""
        found: dict[str, str] = self.client("sts").get_caller_identity()
        return found


def account_checks(settings: Environment, session: Any, endpoint_url: str | None) -> list[Check]:  # noqa: ANN401 -- boto3's session
    """Return the checks of the account, which ask nothing that AWS charges for.

    Parameters
    ----------
    session
        Session of boto3, with the Region of the environment.
    """
    account = Account(settings, session, endpoint_url)
    questions: dict[str, Callable[[Account], Finding]] = {
        "aws": credentials,
        "region": region,
        "bootstrap": bootstrap,
        "emr quota": emr_quota,
        "lambda quota": lambda_quota,
        "stack": stack,
    }
    return [Check(name, partial(_explained, ask, account)) for name, ask in questions.items()]


def _explained(ask: Callable[[Account], Finding], account: Account) -> Finding:
    """Ask AWS; an error is a finding, and one about a missing permission is no failure."""
    try:
        return ask(account)
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        if isinstance(error, ClientError) and code_of(error) in DENIED:
            return skip(f"these credentials have no permission for {error.operation_name}")
        return fail("AWS can't be asked", str(explain(error)))


def credentials(account: Account) -> Finding:
    """Ask AWS whose credentials these are."""
    identity = account.identity
    return ok(f"account {identity['Account']}, as {identity['Arn']}")


def region(account: Account) -> Finding:
    """Compare the Region of this machine with that of the environment, which is always in the European Union."""
    wanted, configured = account.settings.region, boto3.Session().region_name
    if configured in {None, wanted}:
        return ok(f"{wanted}, in the European Union")
    where = "" if configured in EU_REGIONS else ", which is not in the European Union"
    return warn(
        f"{wanted}; this machine is set to {configured}{where}",
        f"The commands of fruits use {wanted}; for those of aws, set AWS_REGION to it.",
    )


def bootstrap(account: Account) -> Finding:
    """Ask for the version of CDK's bootstrap."""
    version, settings = bootstrap_version(account.client("ssm")), account.settings
    if version is None:
        return skip("these credentials have no permission for GetParameter")
    if version < LEAST_BOOTSTRAP:
        found = "missing" if version == NOT_BOOTSTRAPPED else f"version {version}, which is too old"
        place = f"aws://{account.identity['Account']}/{settings.region}"
        return fail(f"{found} in {settings.region}", f"Run `.venv/bin/cdk bootstrap {place}` once.")
    return ok(f"version {version} in {settings.region}")


def emr_quota(account: Account) -> Finding:
    """Compare the quota of EMR Serverless with the capacity of the environment."""
    settings = account.settings
    needed = f"{settings.name} may use {settings.capacity.vcpus}"
    return _quota(account, EMR_VCPUS, settings.capacity.vcpus, needed, "lower max_executors in cdk/settings.py")


def lambda_quota(account: Account) -> Finding:
    """Compare the quota of Lambda with what the functions need."""
    needed = f"the functions need fewer than {LAMBDA_CALLS}"
    return _quota(account, LAMBDA_CONCURRENCY, LAMBDA_CALLS, needed, "see which other functions use it")


def _quota(account: Account, quota: Quota, least: int, needed: str, otherwise: str) -> Finding:
    try:
        value = _value_of(account.client("service-quotas"), quota)
    except ClientError as error:
        if isinstance(explain(error), NoAccessError):
            raise
        # A local AWS may lack the service. This is no failure, because no command needs to ask for a quota.
        reason = "these credentials have no permission" if code_of(error) in DENIED else f"AWS answers {code_of(error)}"
        return skip(f"can't be asked: {reason}")
    if value is None:
        return skip(f"AWS does not say how many {quota.unit} the account may use")
    found = f"{value:,.0f} {quota.unit}; {needed}"
    if value < least:
        return warn(
            found, f"Ask for more in the console of Service Quotas ({quota.service}, {quota.code}), or {otherwise}."
        )
    return ok(found)


def _value_of(quotas: Any, quota: Quota) -> float | None:  # noqa: ANN401 -- boto3's client
    """Return the value of a quota: that of the account, otherwise the default of AWS; `None` if there is neither."""
    for ask in (quotas.get_service_quota, quotas.get_aws_default_service_quota):
        try:
            return float(ask(ServiceCode=quota.service, QuotaCode=quota.code)["Quota"]["Value"])
        except ClientError as error:
            if code_of(error) != "NoSuchResourceException":
                raise
        except KeyError:  # a local AWS answers a question that it does not know with something else
            return None
    return None


def stack(account: Account) -> Finding:
    """Ask for the state of the stack."""
    name, deploy = stack_name(account.settings.name), f"`make deploy ENV={account.settings.name}`"
    try:
        (found,) = account.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" not in error.response["Error"].get("Message", ""):
            raise
        return warn(f"{name} is not deployed", f"Run {deploy}.")
    status = found["StackStatus"]
    if status.endswith("IN_PROGRESS"):
        return warn(f"{name}: {status}", "A deployment is going on: wait for its end.")
    if "FAILED" in status or status == "ROLLBACK_COMPLETE":
        return fail(f"{name}: {status}", f"Read the events of the stack, remove the cause, and run {deploy}.")
    return ok(f"{name}: {status}")
