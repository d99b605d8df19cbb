"""JSON documents that the pipeline writes and reads again. Each carries a checksum, which is verified on reading."""

import json
from dataclasses import asdict, fields, is_dataclass
from enum import StrEnum
from hashlib import sha256
from types import NoneType, UnionType
from typing import Any, ClassVar, Self, cast, get_args, get_origin, get_type_hints

CHECKSUM = "checksum"
"""Field of a document with the SHA-256 of its other fields. Documents of earlier versions lack it."""


class DocumentError(ValueError):
    """A document is damaged, or another version of the pipeline wrote it."""


class Document:
    """Base of the dataclasses that are stored as JSON documents."""

    INDENT: ClassVar[int | None] = 2
    """Indentation of the text; `None` for a text without line breaks."""

    def to_json(self) -> str:
        """Return the document as text, with its checksum."""
        content = asdict(cast("Any", self))
        return json.dumps(content | {CHECKSUM: _checksum(content)}, indent=self.INDENT, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read the document.

        Raises
        ------
        DocumentError
            If the text is not JSON, if the checksum is wrong, or if the fields are not those of this class.
        """
        try:
            return cast("Self", _value(cls, _verified(json.loads(text)), cls.__name__))
        except DocumentError:
            raise
        except (ValueError, TypeError, RecursionError) as error:
            raise DocumentError(f"it can't be read as {cls.__name__}: {type(error).__name__}") from error


def _verified(content: object) -> object:
    """Return the content of a document without its checksum."""
    if isinstance(content, dict) and content.pop(CHECKSUM, None) not in {None, _checksum(content)}:
        raise DocumentError("its checksum is wrong")
    return content


def _checksum(content: dict[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _value(kind: Any, found: Any, name: str) -> Any:  # noqa: ANN401 -- types and JSON values of any kind
    """Convert a JSON value to a type: a dataclass, a list, a tuple, a dict, an optional or a plain value."""
    origin = get_origin(kind)
    if kind is Any:
        return found
    if origin is UnionType:
        (present,) = (option for option in get_args(kind) if option is not NoneType)
        return None if found is None else _value(present, found, name)
    if is_dataclass(kind):
        return _instance(kind, found, name)
    _check_type(origin or kind, found, name)
    if origin:
        return _container(origin, get_args(kind), found, name)
    return kind(found) if issubclass(kind, StrEnum | float) else found


def _container(kind: type, of: tuple[Any, ...], found: Any, name: str) -> Any:  # noqa: ANN401 -- as above
    if kind is dict:
        return {key: _value(of[1], item, f"{name}.{key}") for key, item in found.items()}
    if kind is tuple:
        return tuple(_value(each, item, name) for each, item in zip(of, found, strict=True))
    return [_value(of[0], item, name) for item in found]


def _instance(kind: Any, found: Any, name: str) -> Any:  # noqa: ANN401 -- as above
    _check_type(dict, found, name)
    hints = get_type_hints(kind)
    unknown = found.keys() - {field.name for field in fields(kind)}
    if unknown:
        raise DocumentError(f"{name} has the unknown field {min(unknown)!r}")
    try:
        return kind(**{key: _value(hints[key], value, f"{name}.{key}") for key, value in found.items()})
    except TypeError as error:
        raise DocumentError(f"{name} lacks a field: {error}") from error


def _check_type(kind: type, found: Any, name: str) -> None:  # noqa: ANN401 -- as above
    """Check the type of a JSON value: JSON has no tuples or enumerations, and an integer may stand for a float."""
    in_json: Any = {float: int | float, tuple: list}.get(kind, str if issubclass(kind, StrEnum) else kind)
    if not isinstance(found, in_json) or (isinstance(found, bool) and kind is not bool):
        raise DocumentError(f"{name} is {type(found).__name__} instead of {kind.__name__}")
