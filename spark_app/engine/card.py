"""The card of an exported model: a description of the model and of the files next to the card."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from spark_app.errors import WeightsError

CARD = "model.json"
"""Name of the card. An export writes it last, so that a folder with a card is complete."""


@dataclass(frozen=True, kw_only=True)
class WeightsOrigin:
    """The weights that a model was exported from."""

    kind: str
    """A value of `WeightsKind`."""
    sha256: str

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"not a SHA-256: {self.sha256!r}")


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The description of an exported model."""

    model_id: str
    architecture: str
    preprocessing: str
    weights: WeightsOrigin
    files: dict[str, str]
    """SHA-256 of each exported file, by name."""
    versions: dict[str, str]
    """Versions of the packages that exported the model."""

    def __post_init__(self) -> None:
        if not (isinstance(self.files, dict) and isinstance(self.versions, dict)):
            raise TypeError("files and versions must be JSON objects")

    def to_json(self) -> str:
        """Return the card as a JSON document."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a card from a JSON document.

        Raises
        ------
        ValueError, KeyError, TypeError
            If the document is not a card.
        """
        document = json.loads(text)
        return cls(weights=WeightsOrigin(**document.pop("weights")), **document)


def read_card(folder: Path) -> ModelCard:
    """Read the card in the folder of an exported model.

    Raises
    ------
    WeightsError
        If the folder contains no valid card.
    """
    try:
        return ModelCard.from_json((folder / CARD).read_bytes())
    except FileNotFoundError:
        raise WeightsError(f"There is no complete model in {folder}: `fruits export` makes one.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{folder / CARD} is not valid: export the model again with `fruits export`.") from error
