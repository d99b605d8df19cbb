"""What a user wants to hand over."""

from dataclasses import dataclass
from pathlib import Path

from cli.cloud.environment import settings_of
from handover.deliverables.names import Naming
from handover.errors import HandoverError
from handover.folders import BUILD
from handover.templates import Language

FOLDER = BUILD / "deliverables"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the archive is made of, and for whom.

    Attributes
    ----------
    images
        Folder of images; `None` for drawn pictures, or with an environment for those of its bucket.
    weights
        As for `fruits run`; the notebook and the run on this machine use them.
    environment
        Environment in the cloud whose results and evidence are handed over; `None` for a run on this machine.
    endpoint_url
        Endpoint of a local AWS; `None` for AWS itself.
    """

    naming: Naming
    language: Language = Language.FRENCH
    images: Path | None = None
    weights: str = "seeded"
    environment: str | None = None
    endpoint_url: str | None = None
    folder: Path = FOLDER

    def __post_init__(self) -> None:
        if self.images is not None and not self.images.is_dir():
            raise HandoverError(f"There is no folder {self.images}: IMAGES must be a folder of images.")
        if self.environment is not None:
            settings_of(self.environment)
        if self.endpoint_url is not None and self.environment is None:
            raise HandoverError("--endpoint-url is for an environment: add --env.")
