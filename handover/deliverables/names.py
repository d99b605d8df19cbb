"""The names of the deliverables, as the school asks for them."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from handover.errors import HandoverError

TITLE = "Réalisez_un_traitement_dans_un_environnement_Big_Data_sur_le_Cloud"
"""Title of the project, with which the name of the archive begins."""

LONGEST_NAME = 80
"""Most characters of a name, so that no name of a file is too long for a file system."""

APOSTROPHES = str.maketrans(dict.fromkeys("\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}`", "'"))

_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*'?")
"""A part of a name: letters of any script, with hyphens and apostrophes between them."""

_MONTH = re.compile(r"(0[1-9]|1[0-2])(20\d\d)")


@dataclass(frozen=True, kw_only=True)
class Naming:
    """Who hands over the deliverables, and the month that the school wants in their names.

    Attributes
    ----------
    name
        Family name and first names, as they are written; accents, hyphens and apostrophes stay.
    month
        ``mmaaaa``, such as ``112026``.
    """

    name: str
    month: str

    def __post_init__(self) -> None:
        if len(self.words) < 2:  # noqa: PLR2004 -- a family name and a first name
            raise HandoverError(
                'NAME must be family name and first name, such as make deliverables NAME="Dupont Jean".'
            )
        if unfit := next((word for word in self.words if not _WORD.fullmatch(word)), None):
            raise HandoverError(
                f"NAME may contain letters, spaces, and hyphens and apostrophes within a word: {unfit!r} does not fit."
            )
        if len(self.joined) > LONGEST_NAME:
            raise HandoverError(f"NAME has {len(self.joined)} characters, and may have {LONGEST_NAME}: shorten it.")
        if not _MONTH.fullmatch(self.month):
            raise HandoverError(f"DATE must be month and year, such as 112026 for November 2026, not {self.month!r}.")

    @property
    def words(self) -> list[str]:
        """The parts of the name, each accent as one character: macOS writes names with accents as two."""
        return unicodedata.normalize("NFC", self.name).translate(APOSTROPHES).split()

    @property
    def joined(self) -> str:
        """The name as a part of the name of a file, such as ``Dupont_Jean``."""
        return "_".join(self.words)

    @property
    def first_day(self) -> date:
        """First day of the month."""
        return date(int(self.month[2:]), int(self.month[:2]), 1)

    @property
    def archive(self) -> str:
        """Name of the archive."""
        return f"{TITLE}_{self.joined}.zip"

    def deliverable(self, number: int, what: str) -> str:
        """Return the name of a deliverable without its ending, such as ``Dupont_Jean_1_notebook_112026``."""
        return f"{self.joined}_{number}_{what}_{self.month}"


def month_of(day: date) -> str:
    """Return the month of a day as the school writes it, such as ``112026``."""
    return f"{day:%m%Y}"
