"""`fruits run`: the pipeline on this machine."""

import argparse
import logging
import re
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from cli.as_json import add_json_argument, print_json
from cli.local import new_log
from cli.subcommands import Subcommands, add_subcommand
from contract.job import CatalogKind
from contract.layout import ResultFile, results_folder
from contract.runs import Mode
from contract.summary import Summary
from spark_app.arguments import add_arguments, settings_from
from spark_app.engine.weights import find_weights
from spark_app.errors import FruitsError, SettingsError, WorkersError
from spark_app.output import check_places
from spark_app.place import Place
from spark_app.settings import RunSettings
from spark_app.watchdog import ending_without_progress
from spark_app.words import counted

ATTEMPTS = 3
"""Attempts of a task, unless the user asks for another number."""

RESUMABLE = "The last complete results are valid; run the same command again to go on."


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits run`."""
    parser = add_subcommand(subcommands, "run", RESUMABLE)
    add_arguments(parser)
    add_master(parser)
    add_json_argument(parser)
    parser.set_defaults(command=_run)


def add_master(parser: argparse.ArgumentParser) -> None:
    """Add the option `--master`."""
    parser.add_argument(
        "--master",
        type=_local_master,
        default=f"local[*,{ATTEMPTS}]",
        help=f"master URL of Spark: local[CORES] ({ATTEMPTS} attempts per task) or local[CORES,ATTEMPTS] [%(default)s]",
    )


def _local_master(text: str) -> str:
    """Check that a master URL is one of this machine, and add the number of attempts if it lacks one.

    Spark would try a task once, although a second attempt finds the image that has ended the first one.
    """
    match = re.fullmatch(r"local(?:\[(\*|[1-9]\d{0,3})(,[1-9]\d{0,2})?\])?", text)
    if not match:
        raise argparse.ArgumentTypeError(
            f"must be local[CORES] or local[CORES,ATTEMPTS], such as local[2] or local[*,3], not {text!r}"
        )
    cores, attempts = match.groups()
    return f"local[{cores or 1}{attempts or f',{ATTEMPTS}'}]"


def check_here(settings: RunSettings) -> None:
    """Check that a run on this machine can write to the output.

    Raises
    ------
    SettingsError
        If the tables would be in AWS, or if Spark's connector to another store would lack something.
    """
    if settings.catalog.kind != CatalogKind.HADOOP:
        raise SettingsError(f"--catalog {settings.catalog.kind} works in the cloud only: leave it out on this machine.")
    if Place(settings.output).is_bucket_of_aws:
        raise SettingsError(
            f"--output must be a folder on this machine, or gs:// or az://, not {settings.output}: the runs of an "
            "environment write to S3 (`fruits upload`)."
        )
    if Place(settings.output).other_store:
        from spark_app.storage import hadoop_settings  # loads obstore, which other runs load later

        hadoop_settings(settings.output)


def _check(settings: RunSettings) -> None:
    """Find the mistakes of a user who waits, before the imports of a run, which take longer."""
    check_here(settings)
    check_places(settings)
    if settings.mode is not Mode.MAINTAIN:
        find_weights(settings.weights)


def _run(arguments: argparse.Namespace) -> int:
    settings = settings_from(arguments)
    if not arguments.json:
        return run_here(settings, arguments.master)
    if settings.mode is Mode.MAINTAIN:
        raise SettingsError("--json prints the summary of a run, and --mode maintain makes none: leave out --json.")
    if summary := _summary_of_run(settings, arguments.master, lambda: sys.stderr):
        print_json(asdict(summary))
    return 0


def run_here(settings: RunSettings, master: str) -> int:
    """Run the pipeline on this machine, and print where the results are.

    Raises
    ------
    FruitsError
        If the run fails.
    """
    start = time.monotonic()
    if summary := _summary_of_run(settings, master, lambda: sys.stdout):
        _print_results(Place(settings.output), summary, time.monotonic() - start)
    return 0


def _summary_of_run(settings: RunSettings, master: str, progress: Callable[[], TextIO]) -> Summary | None:
    """Run the pipeline; return what it has published, or `None` after `maintain`, which publishes nothing.

    Parameters
    ----------
    progress
        Returns the stream for the progress. It is called in the session, in which `sys.stderr` is another object.
    """
    _check(settings)

    from cli.terminal import terminal_reporter
    from localspark.session import local_session_conf
    from spark_app.failures import cause_of
    from spark_app.local_run import run_if_changed

    log = new_log()
    logging.basicConfig(filename=log)  # the terminal shows the run; what libraries log goes to the file
    try:
        with (
            local_session_conf(master, log, _connector(settings)) as conf,
            terminal_reporter(progress()) as reporter,
            ending_without_progress(settings.no_progress_minutes * 60, _tell_at_last),
        ):
            if settings.mode is Mode.MAINTAIN:
                from spark_app.pipeline import maintain

                maintain(settings, reporter, conf)
                return None
            return run_if_changed(settings, reporter, conf, log)
    except WorkersError as error:
        raise FruitsError(f"{error} (details: {log})") from error
    except (FruitsError, KeyboardInterrupt):
        raise
    except Exception as error:
        with log.open("a") as file:
            traceback.print_exc(file=file)
        raise FruitsError(f"The run failed: {cause_of(error)} (details: {log})") from error


def _connector(settings: RunSettings) -> list[Path]:
    from localspark.connectors import connector_jars

    store = Place(settings.output).other_store
    return connector_jars(store, _tell) if store else []


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _tell_at_last(error: FruitsError) -> None:
    print(f"fruits: {error}", file=sys.stderr, flush=True)


def _print_results(root: Place, summary: Summary, seconds: float) -> None:
    folder = f"{root.display}/{results_folder(summary.run_id)}"
    counts, k = summary.counts, summary.pca.components if summary.pca else 0
    print(f"Done in {seconds:.1f} s.")
    shape = f"{counted(counts.images, 'image')} x {counted(k, 'component')}"
    if len(summary.matrix) == 1:
        print(f"  matrix   {root.display}/{summary.matrix[0].file}  ({shape})")
    else:
        print(f"  matrix   {len(summary.matrix)} files, named in {folder}{ResultFile.SUMMARY}  ({shape})")
    print(f"  report   {folder}{ResultFile.REPORT}")
    if summary.explorer:
        print(f"  explorer {folder}{ResultFile.EXPLORER}")
    print(f"  refused  {folder}{ResultFile.REJECTS}  ({counted(counts.rejects, 'image')})")
    if summary.findings:
        print(f"  findings {folder}{ResultFile.FINDINGS}  ({counted(summary.findings.total, 'finding')})")
