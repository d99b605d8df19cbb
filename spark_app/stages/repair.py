"""Damaged tables: the run finds them, and makes those anew that it can make of other tables or of the images."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pyspark.sql import SparkSession

from contract.job import CatalogKind
from contract.layout import TABLES
from contract.runs import Mode
from contract.tables import Table
from spark_app.errors import FruitsError, OutputError
from spark_app.run import Run
from spark_app.tables import Tables

REPAIRABLE = {
    Mode.MAINTAIN: {Table.FINDINGS},
    Mode.UPDATE: {Table.FINDINGS},
    Mode.RECONCILE: {Table.COMPONENTS, Table.REJECTS, Table.FINDINGS},
    Mode.REPROCESS: set(Table),
}
"""Tables that a run makes anew, by its mode. The images of a missing row of `rejects` are examined again; only a
`reprocess` computes all features again. Every run computes the findings from the other tables, so a `maintain` may
remove them."""

REMEDIES = {
    Table.FEATURES: "--mode reprocess computes all images again.",
    Table.COMPONENTS: "--mode reconcile rebuilds the table.",
    Table.REJECTS: "--mode reconcile rebuilds the table.",
    Table.FINDINGS: "The next run rebuilds the table.",
}

FAULTS = {
    r"FileNotFoundException|NotFoundException|NoSuchKey|is missing under|does not exist": "is missing",
    r"ChecksumException": "has a wrong checksum",
    r"not a Parquet file|footer is too large|ParquetDecoding|CorruptDeltaFile|Avro|EOFException|jackson|"
    r"RuntimeIOException: Failed to (?:open|read)|can only be read|Cannot parse": "can't be read",
}
"""What is wrong with a file, by patterns of the exceptions of Java, Hadoop, Parquet, Avro and Iceberg."""

NO_DAMAGE = r"Permission denied|No space left|Too many open files|Access ?Denied|Forbidden"
"""Exceptions that name a file although it is intact."""


@dataclass(frozen=True)
class TableDamage:
    """A table of which a file is damaged."""

    table: Table
    file: str
    """Name of the file in the folder of the table."""
    fault: str
    """What is wrong with the file: the end of a sentence."""

    def __str__(self) -> str:
        return f"The table {self.table} is damaged: its file {self.file} {self.fault}."


class DamagedTableError(FruitsError):
    """A table is damaged."""

    def __init__(self, damage: TableDamage) -> None:
        super().__init__(f"{damage} {REMEDIES[damage.table]}")
        self.damage = damage


def damage_in(error: Exception, database: str) -> TableDamage | None:
    """Return the damage that an exception of Spark tells of; `None` if it tells of something else.

    Only the names and messages of exceptions count, because the frames of a trace name classes that have not failed.
    """
    names = re.findall(r"^.*?[\w.$]+(?:Exception|Error)\b.*$", f"{type(error).__name__}: {error}", re.MULTILINE)
    told = "\n".join(line for line in names if not re.match(r"\s*at ", line))
    folder = rf"{TABLES}{database}(?:\.db)?/({'|'.join(Table)})/((?:data|metadata)(?:/[\w.=-]+)*)"
    place = re.search(folder, told)
    fault = next((fault for pattern, fault in FAULTS.items() if re.search(pattern, told)), None)
    if place is None or fault is None or re.search(NO_DAMAGE, told):
        return None
    version = re.search(r"Metadata file for version (\d+) is missing", told)
    file = f"metadata/v{version[1]}.metadata.json" if version else place[2]
    return TableDamage(Table(place[1]), file, fault)


def check_place(this: Run, tables: Tables) -> None:
    """Check that the tables have their files in this output. Iceberg names files by their absolute paths.

    A copy of an output would otherwise write to the tables of the original, and delete their files. A `reprocess`
    removes such tables from the copy.

    Raises
    ------
    OutputError
        If the tables belong to an output in another place.
    """
    if not this.root.is_local:
        return
    folder = this.root.local_path / TABLES / this.settings.catalog.database
    places = {name: _path_of(table.location()) for name, table in tables.existing().items()}
    elsewhere = [place for name, place in places.items() if not _is_same(place, folder / name)]
    if not elsewhere:
        return
    if this.settings.mode is not Mode.REPROCESS:
        raise OutputError(
            f"The tables of {this.root.display} have their files in {elsewhere[0].parent}, because the output was "
            "copied or moved from there: move it back, or run with --mode reprocess, which computes all images again."
        )
    this.check_fence()
    this.root.delete_folder(f"{TABLES}{this.settings.catalog.database}/")
    this.notes.append(f"The tables had their files in {elsewhere[0].parent}: this run has made tables of its own.")


def _path_of(location: str) -> Path:
    return Path(unquote(urlsplit(location).path) if location.startswith("file://") else location.removeprefix("file:"))


def _is_same(one: Path, other: Path) -> bool:
    """Return whether two paths name the same folder, such as two spellings where upper and lower case do not matter."""
    return one == other or (one.exists() and other.exists() and one.samefile(other))


def check_files(this: Run, tables: Tables) -> None:
    """Check that all data files and delete files of the tables exist with their sizes, from the metadata and a listing.

    A run does not notice a damaged file that it does not read. This check finds those that are missing or cut.

    Raises
    ------
    DamagedTableError
        If a file is missing or has another size.
    """
    found = {row["key"]: row["size"] for batch in this.root.list_objects(TABLES) for row in batch.to_pylist()}
    for table, path, size in tables.files():
        key = TABLES + path.rpartition(f"/{TABLES}")[2]
        if found.get(key) != size:
            file = key.partition(f"/{table}/")[2]
            fault = "is missing" if key not in found else f"has {found[key]:,} bytes instead of {size:,}"
            raise DamagedTableError(TableDamage(table, file, fault))


def make_anew(this: Run, spark: SparkSession, error: Exception) -> None:
    """Remove the damaged table that an exception tells of, so that the run can make it anew.

    Raises
    ------
    DamagedTableError
        If a run of this mode can't make the table anew.
    Exception
        The given exception, if it tells of something else.
    """
    catalog = this.settings.catalog
    damage = error.damage if isinstance(error, DamagedTableError) else damage_in(error, catalog.database)
    if damage is None:
        raise error
    if damage.table not in REPAIRABLE.get(this.settings.mode, set()):
        raise DamagedTableError(damage) from error
    this.notes.append(f"{damage} This run has rebuilt the table.")
    this.reporter.note(f"{damage} The run begins again without this table.")
    this.check_fence()
    if catalog.kind == CatalogKind.GLUE:
        this.tables(spark).iceberg[damage.table].forget()
    else:
        this.root.delete_folder(f"{TABLES}{catalog.database}/{damage.table}/")
    this.root.delete_folder(this.staging)
