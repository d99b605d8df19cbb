"""Requests of web pages, which the local AWS refuses: any page in a browser on this machine can send them.

A form, an image or a link needs no consent of the server, and a page whose name is bound anew to 127.0.0.1 may even
read the answers. Programs do not send the headers by which this module recognises a browser.
"""

import re
from collections.abc import Callable

HOST = r"(?:127\.0\.0\.1|(?:[a-z0-9.-]+\.)?localhost):{port}"
"""Regular expression of the hosts that lead here. Clients of S3 may write a bucket before ``localhost``."""

BY_USER = "none"
"""Value of ``Sec-Fetch-Site`` if the user has typed the address."""


def why_refused(header: Callable[[str], str | None], port: int) -> str | None:
    """Return why a request is refused; `None` if it is not one of a web page.

    Parameters
    ----------
    header
        Returns the value of a header, in any case, or `None`.
    port
        Port of the server.
    """
    host = header("Host") or ""
    if not re.fullmatch(HOST.format(port=port), host.lower()):
        return f"The host {host!r} is not this server: use 127.0.0.1:{port} or localhost:{port}."
    origin, site = header("Origin"), header("Sec-Fetch-Site")
    if origin is not None or site not in {None, BY_USER}:
        return f"The local AWS takes no requests of web pages ({origin or site})."
    return None
