"""What can go wrong between here and AWS, each in a sentence that says what to do."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from spark_app.errors import FruitsError, UsageError

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
UNKNOWN = {
    "AuthFailure",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
"""Codes of AWS's answers: each service has its own for the same thing."""

NO_ANSWER_OF_AWS = "What came back is no answer of AWS: check the proxy, and --endpoint-url if you gave one."


class NotDeployedError(UsageError):
    """There is no such environment in this account, or not all of it."""


class NoCredentialsFoundError(UsageError):
    """There are no credentials for AWS on this machine, or not those that were named."""


class CloudError(FruitsError):
    """AWS couldn't do what it was asked."""


class CredentialsError(CloudError):
    """AWS doesn't accept the credentials, or doesn't any more: no other request will do better."""


class UnreachableError(CloudError):
    """Nothing answers: no other request will do better."""


class InterruptedByUserError(FruitsError):
    """Ctrl-C; the sentence says what becomes of what was begun."""

    exit_code = 130  # as the shell has it


@contextmanager
def explained_errors() -> Iterator[None]:
    """Let errors of AWS's library leave the block as ours. Serves as a decorator of commands, too.

    Raises
    ------
    FruitsError
        What `explain` makes of an error.
    """
    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise explain(error) from error


@contextmanager
def interruption(sentence: Callable[[], str]) -> Iterator[None]:
    """Let Ctrl-C leave the block with a sentence that says what becomes of what was begun.

    Raises
    ------
    InterruptedByUserError
        If it comes.
    """
    try:
        yield
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the terminal has written ^C on this line
        raise InterruptedByUserError(sentence()) from None


def explain(error: BotoCoreError | ClientError | ResponseParserError) -> FruitsError:
    """Say what an error of AWS's library means, and what to do.

    Parameters
    ----------
    error
        As the library raised it.

    Returns
    -------
    FruitsError
        To be raised.
    """
    match error:
        case ClientError():
            return _explain_answer(error)
        case BotoCoreError():
            return _explain_failure(error)
    return CloudError(NO_ANSWER_OF_AWS)


def _explain_answer(error: ClientError) -> FruitsError:
    """Explain what AWS has answered."""
    answer = error.response.get("Error", {})
    code, message = answer.get("Code", ""), _one_line(answer.get("Message", ""))
    if code in EXPIRED:
        return _expired()
    if code in UNKNOWN:
        return CredentialsError(
            "AWS doesn't accept the credentials of this machine: check AWS_PROFILE, or the access key and its secret. "
            f"(AWS says: {message})"
        )
    if code in DENIED:
        return CloudError(
            f"These credentials are not allowed {error.operation_name}: ask for the permission, or set AWS_PROFILE to "
            f"credentials that have it. (AWS says: {message})"
        )
    return CloudError(f"AWS couldn't do {error.operation_name}: {message or 'it gives no reason'} ({code})")


def _explain_failure(error: BotoCoreError) -> FruitsError:
    """Explain what went wrong on the way to AWS, or before."""
    match error:
        case ProfileNotFound():
            return NoCredentialsFoundError(f"{_one_line(str(error))}: set AWS_PROFILE to one that this machine has.")
        case NoCredentialsError() | PartialCredentialsError():
            return NoCredentialsFoundError(
                "This machine has no credentials for AWS: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY (`aws configure` keeps them)."
            )
        case SSOError() | TokenRetrievalError() | CredentialRetrievalError():
            return _expired()
        case SSLError():
            return UnreachableError(
                f"{_endpoint(error)} has a certificate that is not trusted here: behind a proxy with certificates of "
                "its own, name them in AWS_CA_BUNDLE."
            )
        case EndpointConnectionError() | ConnectTimeoutError() | ProxyConnectionError():
            return UnreachableError(
                f"Nothing answers at {_endpoint(error)}: check the network, the proxy if there is one, and "
                "--endpoint-url if you gave one."
            )
    return CloudError(f"The request to AWS failed: {_one_line(str(error))}")


def _expired() -> CredentialsError:
    return CredentialsError("The credentials for AWS have expired: log in again, then run the same command again.")


def _endpoint(error: BotoCoreError) -> str:
    return str(error.kwargs.get("endpoint_url") or error.kwargs.get("proxy_url") or "AWS")


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
