"""The part of DynamoDB and S3 that the coordination uses, in memory, so that a test can try many thousand histories.

It evaluates the expressions of the state machine and of `start_run`, and refuses others. A test compares it with moto.
"""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from botocore.exceptions import ClientError

from contract.coordination import KEY

Item = dict[str, dict[str, str]]
Values = dict[str, dict[str, str]]

TOKEN = re.compile(r"\s*(if_not_exists|attribute_not_exists|<=|[-+=(),]|:?\w+)")


@dataclass
class Table:
    """Items by their keys. It answers as boto3's client does."""

    items: dict[str, Item] = field(default_factory=dict)

    def copy(self) -> "Table":
        """Return a table with the same items, which no request changes in place."""
        return Table(dict(self.items))

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool) -> dict[str, Any]:  # noqa: ARG002 -- boto3's names
        """Read an item."""
        assert ConsistentRead
        found = self.items.get(Key[KEY]["S"])
        return {} if found is None else {"Item": found}

    def put_item(self, *, TableName: str, Item: Item) -> dict[str, Any]:  # noqa: ARG002 -- boto3's names
        """Write an item."""
        self.items[Item[KEY]["S"]] = Item
        return {}

    def delete_item(self, *, TableName: str, Key: Item) -> dict[str, Any]:  # noqa: ARG002 -- boto3's names
        """Delete an item."""
        self.items.pop(Key[KEY]["S"], None)
        return {}

    def update_item(
        self,
        *,
        TableName: str,  # noqa: ARG002
        Key: Item,
        UpdateExpression: str,
        ExpressionAttributeValues: Values,
        ConditionExpression: str | None = None,
        ReturnValues: str = "NONE",  # noqa: ARG002
    ) -> dict[str, Any]:
        """Change an item if a condition holds."""
        text = f"{UpdateExpression} {ConditionExpression}"
        used = {token for token in TOKEN.findall(text) if token.startswith(":")}
        assert used == ExpressionAttributeValues.keys(), "DynamoDB refuses values that no expression uses"
        key = Key[KEY]["S"]
        item = self.items.get(key, Key)
        if ConditionExpression and not _condition(ConditionExpression)(item, ExpressionAttributeValues):
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "UpdateItem")
        changed = {**item}
        for change in _update(UpdateExpression):
            change(item, changed, ExpressionAttributeValues)
        self.items[key] = changed
        return {"Attributes": changed}


@dataclass
class Bucket:
    """Objects by their keys. It answers as boto3's client does."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def copy(self) -> "Bucket":
        """Return a bucket with the same objects."""
        return Bucket(dict(self.objects))

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: str) -> dict[str, Any]:  # noqa: ARG002 -- boto3's names
        """Write an object."""
        self.objects[Key] = Body
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: ARG002 -- boto3's names
        """Read an object."""
        return {"Body": io.BytesIO(self.objects[Key])}


Condition = Callable[[Item, Values], bool]
Operand = Callable[[Item, Values], dict[str, str] | None]
Change = Callable[[Item, Item, Values], None]


@lru_cache
def _condition(text: str) -> Condition:
    tokens = _Tokens(text)
    found = _any_of(tokens)
    assert tokens.peek() is None, text
    return found


@lru_cache
def _update(text: str) -> list[Change]:
    tokens, changes = _Tokens(text), []
    while (action := tokens.take()) is not None:
        one = {"SET": _set, "REMOVE": _remove, "ADD": _add}[action]
        changes.append(one(tokens))
        while tokens.peek() == ",":
            tokens.take()
            changes.append(one(tokens))
    return changes


class _Tokens:
    def __init__(self, text: str) -> None:
        assert TOKEN.sub("", text).strip() == "", text
        self._left: Iterator[str] = iter(TOKEN.findall(text))
        self._next = next(self._left, None)

    def peek(self) -> str | None:
        return self._next

    def take(self) -> str:
        taken, self._next = self._next, next(self._left, None)
        return taken  # type: ignore[return-value] # the end of a condition is an error of the test

    def expect(self, *wanted: str) -> None:
        for token in wanted:
            assert self.take() == token, token


def _any_of(tokens: _Tokens) -> Condition:
    parts = [_all_of(tokens)]
    while tokens.peek() == "OR":
        tokens.take()
        parts.append(_all_of(tokens))
    return lambda item, values: any(part(item, values) for part in parts)


def _all_of(tokens: _Tokens) -> Condition:
    parts = [_comparison(tokens)]
    while tokens.peek() == "AND":
        tokens.take()
        parts.append(_comparison(tokens))
    return lambda item, values: all(part(item, values) for part in parts)


def _comparison(tokens: _Tokens) -> Condition:
    if tokens.peek() == "(":
        tokens.take()
        inner = _any_of(tokens)
        tokens.expect(")")
        return inner
    if tokens.peek() == "attribute_not_exists":
        tokens.expect("attribute_not_exists", "(")
        name = tokens.take()
        tokens.expect(")")
        return lambda item, _: name not in item
    one, operator, other = _operand(tokens), tokens.take(), _operand(tokens)
    return lambda item, values: _compare(one(item, values), operator, other(item, values))


def _compare(one: dict[str, str] | None, operator: str, other: dict[str, str] | None) -> bool:
    if one is None or other is None or one.keys() != other.keys():
        return False
    if operator == "=":
        return _plain(one) == _plain(other)
    assert operator == "<="
    return _plain(one) <= _plain(other)


def _plain(value: dict[str, str]) -> Any:  # noqa: ANN401 -- a text or a number
    ((kind, text),) = value.items()
    return Decimal(text) if kind == "N" else text


def _operand(tokens: _Tokens) -> Operand:
    name = tokens.take()
    if name == "if_not_exists":
        tokens.expect("(")
        attribute = tokens.take()
        tokens.expect(",")
        default = tokens.take()
        tokens.expect(")")
        return lambda item, values: item.get(attribute, values[default])
    if name.startswith(":"):
        return lambda _, values: values[name]
    return lambda item, _: item.get(name)


def _set(tokens: _Tokens) -> Change:
    name = tokens.take()
    tokens.expect("=")
    value = _operand(tokens)
    minus = None
    if tokens.peek() == "-":
        tokens.take()
        minus = _operand(tokens)

    def change(item: Item, changed: Item, values: Values) -> None:
        new = value(item, values)
        assert new is not None, "DynamoDB refuses to copy an attribute that does not exist"
        if minus is not None:
            less = minus(item, values)
            assert less is not None
            new = {"N": str(_plain(new) - _plain(less))}
        changed[name] = new

    return change


def _remove(tokens: _Tokens) -> Change:
    name = tokens.take()
    return lambda _, changed, __: changed.pop(name, None) and None


def _add(tokens: _Tokens) -> Change:
    name, value = tokens.take(), tokens.take()

    def change(item: Item, changed: Item, values: Values) -> None:
        changed[name] = {"N": str(_plain(item.get(name, {"N": "0"})) + _plain(values[value]))}

    return change
