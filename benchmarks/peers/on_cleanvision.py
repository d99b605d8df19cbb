"""Findings of CleanVision: `python -m benchmarks.peers.on_cleanvision IMAGES FILE`.

The set-up follows its documentation (https://cleanvision.readthedocs.io/en/latest/tutorials/tutorial.html): all kinds
of issues with their default thresholds. FILE becomes a JSON document: `images` contains the keys of the images of each
issue, and `sets` the sets of keys of duplicates and near-duplicates.
"""

import argparse
import json
from pathlib import Path

from cleanvision import Imagelab

SETS = ("exact_duplicates", "near_duplicates")


def main() -> None:
    """Find all issues."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    images = arguments.images.resolve()
    lab = Imagelab(data_path=str(images), verbose=False)
    lab.find_issues(verbose=False)

    def key_of(path: str) -> str:
        return Path(path).relative_to(images).as_posix()

    names = [name.removeprefix("is_").removesuffix("_issue") for name in lab.issues.columns if name.startswith("is_")]
    found = {name: [key_of(path) for path in lab.issues.index[lab.issues[f"is_{name}_issue"]]] for name in names}
    sets = {name: [[key_of(path) for path in group] for group in lab.info[name]["sets"]] for name in SETS}
    arguments.file.write_text(json.dumps({"images": found, "sets": sets}))


if __name__ == "__main__":
    main()
