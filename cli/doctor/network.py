"""Checks of the network: installations and downloads need it, and runs do not."""

import os
import re
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from cli.doctor.checks import Check, Finding, ok, warn
from cli.doctor.programs import answer_of

PYPI, NPM, MAVEN = "https://pypi.org/simple/", "https://registry.npmjs.org/", "https://repo1.maven.org/maven2/"
"""Where packages come from, unless pip, npm or Spark's resolver are configured otherwise."""

KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
"""Where Keras downloads the ImageNet weights."""

MAVEN_VARIABLE = "DEFAULT_ARTIFACT_REPOSITORY"
"""Variable by which Spark's resolver uses another repository than Maven Central."""

SECONDS = 5.0
"""Longest time to wait for an answer of a server."""

SECONDS_OF_NPM = 20
"""Longest time to wait for pip and npm, which read their configuration."""

CERTIFICATES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""Variables that name files of certificates, beside SSL_CERT_FILE, which Python reads itself."""

OFFLINE = "Only installations and downloads need it: check the network, the proxy (HTTPS_PROXY), or the mirror."


def network_checks() -> list[Check]:
    """Return the checks of the servers from which packages, jars and weights come."""
    return [
        Check("pypi", lambda: reach(pip_index())),
        Check("npm", lambda: reach(npm_registry())),
        Check("maven", lambda: reach(os.environ.get(MAVEN_VARIABLE) or MAVEN)),
        Check("weights", weights),
    ]


def weights() -> Finding:
    """Look for the ImageNet weights on this machine, and otherwise ask the server that has them."""
    from spark_app.engine.weights import imagenet_cache

    if (cached := imagenet_cache()).is_file():
        return ok(f"in {cached}")
    return reach(KERAS, " Or use --weights seeded for trials, or a file of weights.")


def reach(url: str, otherwise: str = "") -> Finding:
    """Ask a server for any answer, also a refusal.

    Parameters
    ----------
    url
        URL of the server. A user name and a password in it are neither sent nor shown.
    otherwise
        What else to do if there is no answer.
    """
    try:
        parts = urlsplit(url)
        is_server = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        is_server = False
    if not is_server:
        if url.startswith("file:"):
            return ok("a folder on this machine")
        # The text is not shown, because it may contain a password.
        return warn("the configured address is no URL of a server", f"Correct the configuration.{otherwise}")
    return _ask(parts, f"{OFFLINE}{otherwise}")


def _ask(parts: SplitResult, advice: str) -> Finding:
    """Ask a server; `advice` says what to do if it does not answer."""
    address = parts._replace(netloc=_without_user(parts.netloc)).geturl()
    question = urllib.request.Request(address, method="HEAD")  # noqa: S310 -- `reach` has checked the scheme
    try:
        with urllib.request.urlopen(question, timeout=SECONDS, context=_trusted(os.environ)):  # noqa: S310 -- as above
            return ok(f"{parts.hostname} answers")
    except urllib.error.HTTPError as error:
        if error.code >= 500:  # noqa: PLR2004 -- errors of the server, in HTTP
            return warn(f"{parts.hostname} fails (HTTP {error.code})", advice)
        return ok(f"{parts.hostname} answers")  # it may refuse this question, and not those of pip
    except (OSError, ValueError) as error:
        reason = " ".join(str(getattr(error, "reason", None) or error).split())
        return warn(f"{parts.hostname} does not answer: {reason}", advice)


def pip_index() -> str:
    """Return the URL of the index that pip uses."""
    found = _output([sys.executable, "-m", "pip", "config", "list"])
    urls = dict(re.findall(r"^(\S+)\.index-url='(.*)'$", found, re.MULTILINE))
    return next((urls[place] for place in (":env:", "install", "site", "user", "global") if place in urls), PYPI)


def npm_registry() -> str:
    """Return the URL of the registry that npm uses."""
    npm = Path(sys.prefix) / "bin" / "npm"
    found = _output([str(npm), "config", "get", "registry"]).strip() if npm.exists() else ""
    return found or NPM


def _output(command: list[str]) -> str:
    """Return what a program prints; nothing if it fails, because then its configuration is the public one."""
    done = answer_of(command, SECONDS_OF_NPM)
    return done.stdout if done else ""


def _without_user(netloc: str) -> str:
    """Return host and port without a user and a password: an answer that asks for them is an answer."""
    return netloc.rpartition("@")[2]


def _trusted(environment: Mapping[str, str]) -> ssl.SSLContext:
    """Trust what the system trusts, and the certificates that pip and npm are told to trust."""
    context = ssl.create_default_context()
    for name in CERTIFICATES:
        if (file := environment.get(name)) and Path(file).is_file():
            context.load_verify_locations(file)
    return context
