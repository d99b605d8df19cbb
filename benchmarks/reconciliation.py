"""The steps `list` and `plan` of a run: `python -m benchmarks.reconciliation IMAGES OUTPUT FILE [--only-list]`.

The program writes a JSON document to FILE: the seconds of each step, and the number of images to compute. It omits the
other steps, so that the tables need no real features. With `--only-list`, it does not start Spark, as a run that finds
nothing new.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from spark_app.settings import Limits, RunSettings
from spark_app.stages.listing import Listing, stage_listing
from spark_app.storage import Storage

STAGING = "staging/listing/"
MODEL = "synthetic"
"""Model of the rows in the tables."""


def main() -> None:
    """Run the steps."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--only-list", action="store_true")
    arguments = parser.parse_args()
    settings = RunSettings(images=arguments.images.as_uri(), output=arguments.output.as_uri())
    start = time.perf_counter()
    listing = stage_listing(Storage(settings.images), Storage(settings.output), STAGING)
    answer: dict[str, Any] = {"list": time.perf_counter() - start, "images": listing.count}
    if not arguments.only_list:
        answer |= _plan(settings, listing)
    arguments.file.write_text(json.dumps(answer))


def _plan(settings: RunSettings, listing: Listing) -> dict[str, Any]:
    from localspark.session import local_session_conf
    from spark_app.session import open_session
    from spark_app.stages.change_set import Candidates, Judge, plan_changes
    from spark_app.tables import Tables

    with (
        tempfile.TemporaryDirectory() as folder,
        local_session_conf("local[*]", Path(folder) / "log") as conf,
        open_session(settings, conf) as spark,
    ):
        tables = Tables(spark, settings.catalog.database)
        start = time.perf_counter()
        candidates = Candidates(listing.rows(spark), complete=True)
        path = Storage(settings.output).spark_path(f"{STAGING}plan")
        changes = plan_changes(tables, candidates, Judge.of(MODEL, Limits()), path)
        return {"plan": time.perf_counter() - start, "featurise": changes.featurise, "remove": changes.remove}


if __name__ == "__main__":
    main()
