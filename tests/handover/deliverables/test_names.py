"""Tests of the names of the deliverables."""

import unicodedata
from datetime import date

import pytest

from handover.deliverables.names import Naming, month_of
from handover.errors import HandoverError


@pytest.mark.parametrize(
    ("name", "joined"),
    [
        ("Dupont Jean", "Dupont_Jean"),
        ("  Dupont   Jean ", "Dupont_Jean"),
        ("Lefèvre Chloé Anaïs", "Lefèvre_Chloé_Anaïs"),
        (unicodedata.normalize("NFD", "Lefèvre Chloé"), "Lefèvre_Chloé"),
        ("Saint-Exupéry Jean-Noël", "Saint-Exupéry_Jean-Noël"),
        ("D\N{RIGHT SINGLE QUOTATION MARK}Arc Jeanne", "D'Arc_Jeanne"),
        ("O'Brien Niamh", "O'Brien_Niamh"),
        ("de La Tour Œdipe", "de_La_Tour_Œdipe"),
        ("Nguyễn Văn", "Nguyễn_Văn"),
    ],
)
def test_a_name_is_joined_and_keeps_its_letters(name: str, joined: str) -> None:
    """The name is that of the person, with accents, hyphens and apostrophes; spaces become underscores."""
    naming = Naming(name=name, month="112026")
    assert naming.joined == joined
    assert naming.deliverable(1, "notebook") == f"{joined}_1_notebook_112026"
    assert naming.archive == f"Réalisez_un_traitement_dans_un_environnement_Big_Data_sur_le_Cloud_{joined}.zip"


@pytest.mark.parametrize(
    ("name", "month", "sentence"),
    [
        ("", "112026", "NAME must be family name and first name"),
        ("Dupont", "112026", "NAME must be family name and first name"),
        ("Dupont ../Jean", "112026", r"'\.\./Jean' does not fit"),
        ("Dupont J:n", "112026", "'J:n' does not fit"),
        ("Dupont Jean2", "112026", "'Jean2' does not fit"),
        ("Dupont -", "112026", "'-' does not fit"),
        ("Dupont " + "x" * 80, "112026", "has 87 characters"),
        ("Dupont Jean", "132026", "DATE must be month and year"),
        ("Dupont Jean", "2026-11", "DATE must be month and year"),
        ("Dupont Jean", "", "DATE must be month and year"),
    ],
)
def test_what_can_be_no_name_of_a_file_is_refused(name: str, month: str, sentence: str) -> None:
    """Such a name would lead out of the archive, or can't be written on some systems."""
    with pytest.raises(HandoverError, match=sentence):
        Naming(name=name, month=month)


def test_the_month_has_six_digits() -> None:
    """Month before year, as the school writes it."""
    assert month_of(date(2026, 3, 9)) == "032026"
    assert Naming(name="Dupont Jean", month="032026").first_day == date(2026, 3, 1)
