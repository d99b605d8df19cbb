"""The card of an exported model: a description of the model and of the files next to the card."""

import re
from dataclasses import dataclass
from pathlib import Path

from contract.documents import Document, DocumentError
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
class ModelCard(Document):
    """The description of an exported model."""

    model_id: str
    architecture: str
    preprocessing: str
    weights: WeightsOrigin
    files: dict[str, str]
    """SHA-256 of each exported file, by name."""
    versions: dict[str, str]
    """Versions of the packages that exported the model."""


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
    except (OSError, DocumentError) as error:
        raise WeightsError(f"{folder / CARD} is not valid: export the model again with `fruits export`.") from error
