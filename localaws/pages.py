"""Pages of the local AWS itself, for what AWS has no service for: faults, grants, credentials, events, e-mails.

Any client may ask for them: the server listens on this machine only.
"""

from collections.abc import Callable, Mapping
from typing import Any

from localaws.account import LocalAws
from localaws.authorization import Authorization
from localaws.custom_resources import PAGE as CUSTOM_RESOURCES
from localaws.custom_resources import CustomResources
from localaws.faults import Fault, Faults
from localaws.notifications import Notifications
from localaws.topics import Topics

Page = Callable[[Mapping[str, list[str]], Any], Any]
"""Takes the parsed query and the JSON document of a request (`None` if there is none), returns the answer as JSON."""


def own_pages(
    aws: LocalAws,
    authorization: Authorization,
    faults: Faults,
    notifications: Notifications,
    topics: Topics,
    custom_resources: CustomResources,
) -> dict[str, Page]:
    """Return the pages by their names."""

    def set_faults(_: object, documents: list[dict[str, Any]] | None) -> dict[str, int]:
        struck = faults.struck()
        if documents is not None:
            faults.set([Fault.from_document(document) for document in documents])
        return struck

    return {
        "credentials": lambda query, _: aws.principals.assume_role(query["role"][0]),
        "deliveries": lambda *_: topics.sent(),
        "events": lambda _, document: notifications.set_deliveries(document["times"]),
        "faults": set_faults,
        CUSTOM_RESOURCES: custom_resources.receive,
        "grants": lambda *_: authorization.grants(),
    }
