"""The contact sheet of `fruits similar`: an HTML page with the pictures of an image and of its nearest images."""

from base64 import b64encode
from collections.abc import Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from cli.compared_image import ComparedImage
from cli.nearest import Neighbour


def render_sheet(
    image: ComparedImage,
    picture: bytes | None,
    neighbours: Sequence[Neighbour],
    pictures: Mapping[str, bytes],
    kind: str,
    heading: str,
) -> str:
    """Return the sheet as an HTML document without scripts and without references to other files.

    Parameters
    ----------
    picture
        Thumbnail of the image, a WebP file; `None` for a placeholder.
    pictures
        Thumbnails of the other images by their keys. An image without one gets a placeholder.
    kind
        What the image is: of the corpus, or a file.
    heading
        Sentence that says what the images were compared by.
    """
    environment = Environment(
        loader=PackageLoader("cli", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["b64"] = lambda file: b64encode(file).decode()
    return environment.get_template("contact_sheet.html.j2").render(
        image=image,
        neighbours=neighbours,
        picture=picture,
        pictures=pictures,
        kind=kind,
        heading=heading,
    )
