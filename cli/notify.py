"""`fruits notify`: writes the notices of local images. In the cloud, `start_run` writes them from S3 events."""

import argparse

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
    written = 0
    for place in places:
        counts = write_notices(corpus.root, corpus.notices(place))
        written += counts.total()
        print(f"{place.name}: {counts[NoticeType.CREATED]:,} new or changed, {counts[NoticeType.REMOVED]:,} gone")
    for sentence in corpus.omissions.in_words():
        print(sentence)
    print(f"{counted(written, 'notice')} written. `fruits run --mode update` processes the notices.")
    return 0
