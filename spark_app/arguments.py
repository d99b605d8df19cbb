"""The options of a run, which the command under spark-submit and `fruits run` share."""

import argparse
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from contract.job import JobOption
from spark_app.options import OneOf, filled, number, whole_number
from spark_app.settings import CatalogSettings, CurationSettings, Limits, Option, RunSettings, as_url, options_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add all options of a run to a parser."""
    add = parser.add_argument
    add(JobOption.IMAGES, type=filled, metavar="URL", help="folder or bucket of images: .../<label>/<file>")
    add(JobOption.OUTPUT, type=filled, required=True, metavar="URL", help="folder or bucket for tables and results")
    add_tuning_arguments(parser)


def add_tuning_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that have a default value."""
    for owner in (RunSettings, Limits, CurationSettings, CatalogSettings):
        for name, option in options_of(owner).items():
            _add_option(parser, option, getattr(owner, name))


def _add_option(parser: argparse.ArgumentParser, option: Option, default: object) -> None:
    description = option.description.replace("%", "%%")  # argparse formats the help
    if default is False:
        parser.add_argument(option.flag, action="store_true", help=description)
        return
    parser.add_argument(
        option.flag,
        default=default,
        type=option.parse or _reader(default),
        metavar=f"{{{','.join(type(default))}}}" if isinstance(default, StrEnum) else option.metavar,
        help=f"{description} [{default_text(default)}]",
    )


def _reader(default: object) -> Callable[[str], Any]:
    """Return the function that reads the values of an option, by the type of its default value."""
    if isinstance(default, StrEnum):
        return OneOf(type(default))
    readers: dict[type, Callable[[str], Any]] = {int: whole_number, float: number, str: filled}
    return readers[type(default)]


def default_text(default: object) -> str:
    """Return the default value of an option as the help shows it."""
    if default is None:
        return "generated"
    return f"{default:g}" if isinstance(default, float) else str(default)


def settings_from(arguments: argparse.Namespace) -> RunSettings:
    """Read the settings from parsed options.

    Raises
    ------
    SettingsError
        If a setting is invalid.
    """
    return RunSettings(
        images=as_url(arguments.images) if arguments.images else "",
        output=as_url(arguments.output),
        limits=Limits(**_values(Limits, arguments)),
        curation=CurationSettings(**_values(CurationSettings, arguments)),
        catalog=CatalogSettings(**_values(CatalogSettings, arguments)),
        **_values(RunSettings, arguments),
    )


def _values(owner: type, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of a class of settings that have an option, with the values of the options."""
    options = options_of(owner).items()
    return {name: getattr(arguments, option.flag[2:].replace("-", "_")) for name, option in options}
