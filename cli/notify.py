"""`fruits notify`: writes the notices of local images. In the cloud, `start_run` writes them from S3 events."""

import argparse
from collections import Counter

from cli.as_json import add_json_argument, print_json
from cli.subcommands import Subcommands, add_subcommand
from contract.notices import NoticeType
from spark_app.options import filled
from spark_app.output import check_output
from spark_app.place import Place, check_images_folder
from spark_app.settings import as_url
from spark_app.words import counted


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits notify`."""
    parser = add_subcommand(
        subcommands,
        "notify",
        "Some notices may be missing; run the same command again: a notice may arrive twice.",
    )
    parser.add_argument(
        "--images", type=filled, required=True, metavar="URL", help="folder of images, as for `fruits run`"
    )
    parser.add_argument("--output", type=filled, required=True, metavar="URL", help="output, as for `fruits run`")
    parser.add_argument(
        "paths",
        nargs="*",
        type=filled,
        metavar="PATH",
        help="image or folder below --images, also one that was deleted [all images]",
    )
    add_json_argument(parser)
    parser.set_defaults(command=_notify)


def _notify(arguments: argparse.Namespace) -> int:
    images, output = as_url(arguments.images), as_url(arguments.output)
    check_images_folder(Place(images))
    Place(output).check_writable()
    check_output(Place(output), may_have_other_files=False)

    from cli.corpus import ALL, Corpus, Target, write_notices
    from spark_app.storage import Storage

    corpus = Corpus(Storage(images), Storage(output))
    # All paths are looked up before the first notice is written: a mistake in one of them writes nothing.
    places = [corpus.find(path) for path in arguments.paths] or [Target("all images", ALL)]
    written: list[tuple[str, Counter[NoticeType]]] = []
    for place in places:
        counts = write_notices(corpus.root, corpus.notices(place))
        written.append((place.name, counts))
        if not arguments.json:
            print(f"{place.name}: {counts[NoticeType.CREATED]:,} new or changed, {counts[NoticeType.REMOVED]:,} gone")
    if arguments.json:
        print_json({"places": [_document_of(*place) for place in written], "notes": list(corpus.omissions.in_words())})
        return 0
    for sentence in corpus.omissions.in_words():
        print(sentence)
    total = counted(sum(counts.total() for _, counts in written), "notice")
    print(f"{total} written. `fruits run --mode update` processes the notices.")
    return 0


def _document_of(name: str, counts: Counter[NoticeType]) -> dict[str, object]:
    return {"path": name, "changed": counts[NoticeType.CREATED], "gone": counts[NoticeType.REMOVED]}
