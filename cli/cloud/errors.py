"""The errors of commands that use AWS, and the sentences that explain the errors of botocore to the user."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidConfigError,
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

T = TypeVar("T")

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
UNKNOWN = {
    "AuthFailure",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
"""Error codes of AWS: each service has its own code for the same error."""

NO_ANSWER_OF_AWS = "The answer does not come from AWS: check the proxy, and --endpoint-url if you gave one."


class CloudError(FruitsError):
    """A request to AWS failed."""


class NoAccessError(CloudError):
    """AWS does not answer, or does not accept the credentials, so that all other requests fail, too."""


class InterruptedByUserError(FruitsError):
    """The user pressed Ctrl-C. The message says in which state the command leaves its work."""

    exit_code = 130  # as shells do


@contextmanager
def explained_errors() -> Iterator[None]:
    """Turn errors of botocore into errors of this package. This context manager is also a decorator.

    Raises
    ------
    FruitsError
        If botocore raises an error in the block: see `explain`.
    """
    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise explain(error) from error


def code_of(error: ClientError) -> str:
    """Return the code of an error that AWS answered; empty if the answer has none."""
    return error.response.get("Error", {}).get("Code", "")


def unless_denied(question: Callable[[], T]) -> T | None:
    """Ask AWS a question; return `None` if the credentials have no permission for it.

    A command that shows many things shows the others then.
    """
    try:
        return question()
    except ClientError as error:
        if code_of(error) in DENIED:
            return None
        raise


@contextmanager
def interruption(sentence: Callable[[], str]) -> Iterator[None]:
    """Turn Ctrl-C into an error. `sentence` returns its message: in which state the command leaves its work.

    Raises
    ------
    InterruptedByUserError
        If the user presses Ctrl-C in the block.
    """
    try:
        yield
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the line already shows ^C
        raise InterruptedByUserError(sentence()) from None


def explain(error: BotoCoreError | ClientError | ResponseParserError) -> FruitsError:
    """Return an error whose message says what an error of botocore means, and what the user can do."""
    match error:
        case ClientError():
            return _explain_answer(error)
        case BotoCoreError():
            return _explain_failure(error)
    return CloudError(NO_ANSWER_OF_AWS)


def _explain_answer(error: ClientError) -> FruitsError:
    """Explain an error that AWS answered."""
    answer = error.response.get("Error", {})
    code, message = answer.get("Code", ""), _one_line(answer.get("Message", ""))
    if code in EXPIRED:
        return _expired()
    if code in UNKNOWN:
        return NoAccessError(
            "AWS does not accept the credentials of this machine: check AWS_PROFILE, or the access key and its secret. "
            f"(AWS says: {message})"
        )
    if code in DENIED:
        return CloudError(
            f"These credentials have no permission for {error.operation_name}: ask for it, or set AWS_PROFILE to "
            f"credentials that have it. (AWS says: {message})"
        )
    return CloudError(f"{error.operation_name} failed: {message or 'AWS gives no reason'} ({code}).")


def _explain_failure(error: BotoCoreError) -> FruitsError:
    """Explain an error that occurred before AWS answered."""
    match error:
        case ProfileNotFound() | ConfigParseError() | ConfigNotFound() | InvalidConfigError():
            is_profile = isinstance(error, ProfileNotFound)
            remedy = "set AWS_PROFILE to a profile of this machine" if is_profile else "correct this configuration"
            return UsageError(f"{_one_line(str(error))}: {remedy}.")
        case NoCredentialsError() | PartialCredentialsError():
            return UsageError(
                "This machine has no credentials for AWS: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY (`aws configure` keeps them)."
            )
        case SSOError() | TokenRetrievalError() | CredentialRetrievalError():
            return _expired()
        case SSLError():
            return NoAccessError(
                f"This machine does not trust the certificate of {_endpoint(error)}: behind a proxy with its own "
                "certificates, set AWS_CA_BUNDLE to the file that contains them."
            )
        case EndpointConnectionError() | ConnectTimeoutError() | ProxyConnectionError():
            return NoAccessError(
                f"{_endpoint(error)} does not answer: check the network, the proxy if there is one, and "
                "--endpoint-url if you gave one."
            )
    return CloudError(f"The request to AWS failed: {_one_line(str(error))}")


def _expired() -> NoAccessError:
    return NoAccessError("The credentials for AWS have expired: log in again, then run the same command again.")


def _endpoint(error: BotoCoreError) -> str:
    return str(error.kwargs.get("endpoint_url") or error.kwargs.get("proxy_url") or "AWS")


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
