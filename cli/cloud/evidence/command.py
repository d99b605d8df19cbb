"""`fruits evidence`: writes a folder that proves a run in the cloud, with a verdict on each criterion."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.cloud.environment import add_environment_arguments, connect
from cli.cloud.errors import explained_errors
from cli.subcommands import Subcommands, add_subcommand
from cli.written_files import check_new_folder, complete_folder
from contract.runs import is_run_id
from spark_app.errors import FruitsError, UsageError
from spark_app.options import path


class EvidenceError(FruitsError):
    """A criterion is not met. The folder says which one, and why."""


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits evidence`."""
    parser = add_subcommand(subcommands, "evidence")
    parser.add_argument(
        "--output",
        type=path,
        default=Path("evidence"),
        metavar="FOLDER",
        help="new folder for the evidence [%(default)s]",
    )
    parser.add_argument("--run-id", metavar="ID", help="a run that `fruits runs` lists [the last complete one]")
    parser.add_argument(
        "--template",
        type=path,
        metavar="FILE",
        help="compare the deployed stack with this template, which `make synth` writes to cdk.out",
    )
    parser.add_argument("--mask", action="store_true", help="replace the number of the account by the letter X")
    parser.add_argument("--force", action="store_true", help="replace earlier evidence in this folder")
    add_environment_arguments(parser)
    parser.set_defaults(command=_evidence)


@explained_errors()
def _evidence(arguments: argparse.Namespace) -> int:
    from cli.cloud.evidence.criteria import verdicts_on
    from cli.cloud.evidence.files import ENTRIES, files_of
    from cli.cloud.evidence.found import evidence_of
    from cli.cloud.results import last_run

    if arguments.run_id is not None and not is_run_id(arguments.run_id):
        raise UsageError(f"--run-id must be an id such as 20261120T121530Z-3fa94c, not {arguments.run_id!r}.")
    template = _template_in(arguments.template) if arguments.template else None
    check_new_folder(arguments.output, ENTRIES, may_replace=arguments.force)
    deployment = connect(arguments.env, arguments.endpoint_url)
    evidence = evidence_of(deployment, arguments.run_id or last_run(deployment), template)
    verdicts = verdicts_on(evidence)
    _write(arguments.output, files_of(evidence, verdicts, masks_account=arguments.mask))
    for verdict in verdicts:
        print(f"{'met' if verdict.met else 'NOT MET':<8}{verdict.title.english}")
    print(f"Read {arguments.output / 'evidence.en.html'}, or in French {arguments.output / 'evidence.fr.html'}.")
    _check([verdict.title.english for verdict in verdicts if not verdict.met], len(verdicts), arguments.output)
    return 0


def _template_in(file: Path) -> Mapping[str, object]:
    try:
        template = json.loads(file.read_bytes())
    except OSError as error:
        raise UsageError(f"Can't read {file}: {error.strerror}. `make synth` writes the template.") from error
    except ValueError as error:
        raise UsageError(f"{file} is no template in JSON: `make synth` writes one to cdk.out.") from error
    if not isinstance(template, dict) or "Resources" not in template:
        raise UsageError(f"{file} is no template of CloudFormation: `make synth` writes one to cdk.out.")
    return template


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files so that the folder appears when it is complete."""
    with complete_folder(folder) as new:
        for name, text in files.items():
            file = new / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")


def _check(missed: Sequence[str], count: int, folder: Path) -> None:
    if missed:
        raise EvidenceError(
            f"{len(missed)} of {count} criteria are not met ({'; '.join(missed)}): "
            f"{folder / 'evidence.en.md'} says why."
        )
