"""The card of an exported model: what the files beside it are, and what they were made of."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from spark_app.errors import WeightsError

CARD = "model.json"
"""Written last: a folder with a card is complete."""


@dataclass(frozen=True, kw_only=True)
class WeightsOrigin:
    """The weights that a model was made of.

    Attributes
    ----------
    kind
        ``imagenet``, ``seeded`` or ``file``.
    sha256
        Their identity.
    """

    kind: str
    sha256: str

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"no SHA-256: {self.sha256!r}")


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a model is.

    Attributes
    ----------
    model_id
        The name under which its features are kept.
    architecture, preprocessing
        The network, and what is done to an image before.
    files
        Name → SHA-256 of each file that was exported.
    versions
        Of the tools that did it.
    """

    model_id: str
    architecture: str
    preprocessing: str
    weights: WeightsOrigin
    files: dict[str, str]
    versions: dict[str, str]

    def __post_init__(self) -> None:
        if not (isinstance(self.files, dict) and isinstance(self.versions, dict)):
            raise TypeError("files and versions are named")

    def to_json(self) -> str:
        """Write the card as a JSON document."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a card back.

        Raises
        ------
        ValueError, KeyError, TypeError
            If the document is no card.
        """
        document = json.loads(text)
        return cls(weights=WeightsOrigin(**document.pop("weights")), **document)


def read_card(folder: Path) -> Card:
    """Read the card in the folder of an exported model.

    Raises
    ------
    WeightsError
        If there is none.
    """
    try:
        return Card.from_json((folder / CARD).read_bytes())
    except FileNotFoundError:
        raise WeightsError(f"There is no complete model in {folder}: `fruits export` makes one.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{folder / CARD} describes no model: export it again with `fruits export`.") from error
