"""Checks of the names in documents. Readers compose keys and paths of them, which must not lead out of their folder."""

import reprlib

from contract.documents import DocumentError
from contract.layout import is_matrix_file
from contract.runs import is_run_id


def check_run_id(name: str, field: str) -> None:
    """Check that a field of a document is a run id, or the version of a basis, which is one.

    Raises
    ------
    DocumentError
        If it is not.
    """
    if not is_run_id(name):
        raise DocumentError(f"its {field} is no run id: {reprlib.repr(name)}")


def check_matrix_file(name: str) -> None:
    """Check that a field of a document is the key of a file of a matrix.

    Raises
    ------
    DocumentError
        If it is not.
    """
    if not is_matrix_file(name):
        raise DocumentError(f"it names a file of a matrix outside of results and bases: {reprlib.repr(name)}")
