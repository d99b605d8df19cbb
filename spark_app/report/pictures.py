"""The thumbnails in the report: they are embedded, so that the report stays one file, and can be removed again."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from spark_app.report.data import ReportData

PLACEHOLDER = "data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22/%3E"
"""An empty image. The stylesheet gives it the size and the colour of a missing thumbnail."""

ABSENCE = "No thumbnail: "
"""Begin of the title of an image without a thumbnail."""

EMBEDDED = re.compile(r'(<img )src="data:image/webp;base64,[A-Za-z0-9+/=]*"( title=")?')
"""An embedded thumbnail. Names of users match nowhere in a report, because their quotes and brackets are escaped."""


@dataclass(frozen=True)
class Picture:
    """What the template needs to show an image."""

    source: str
    """URL of the thumbnail, which contains the whole file, or of the placeholder."""
    title: str
    """Text that appears on hovering."""


def picture_of(pictures: Mapping[str, bytes], key: str, label: str | None) -> Picture:
    """Return the thumbnail of an image, or the placeholder of an image that has none.

    Parameters
    ----------
    pictures
        Key → WebP file.
    """
    file = pictures.get(key)
    name = _isolated(key) if label is None else f"{_isolated(label)}: {_isolated(key)}"
    if file is None:
        return Picture(PLACEHOLDER, ABSENCE + name)
    return Picture(f"data:image/webp;base64,{b64encode(file).decode()}", name)


def without_pictures(html: str) -> str:
    """Return a report without its thumbnails: with the placeholders of images that have none.

    Parameters
    ----------
    html
        A report of any version. Everything else in it stays as it is.
    """
    return EMBEDDED.sub(
        lambda found: f'{found[1]}src="{PLACEHOLDER}"' + (f"{found[2]}{ABSENCE}" if found[2] else ""), html
    )


def keys_of_pictures(data: ReportData) -> set[str]:
    """Return the keys of the images whose thumbnails the report shows."""
    found = {key for row in data.findings for key in (row.key, row.other_key) if key is not None}
    return found.union(image.key for ends in data.ends for image in (*ends.low, *ends.high))


def _isolated(name: str) -> str:
    """Return a name between invisible characters, so that its own ones can't reorder the text around it."""
    return f"\u2068{name}\u2069"
