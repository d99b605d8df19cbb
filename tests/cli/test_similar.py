"""Tests of `fruits similar`, on the output of a real run."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import pairwise_distances

from cli.main import main
from contract.summary import Counts, Latest, Summary
from tests.cli.conftest import COPY, FORMULA, MARKUP, ORIGINAL
from tests.cli.mistakes import sentence_of_mistake
from tests.published import read_matrix


def _similar(output: Path, image: str, *options: str) -> int:
    return main(["similar", "--output", str(output), image, *options])


@pytest.fixture
def answer(corpus: Path, capsys: pytest.CaptureFixture[str]) -> Any:  # noqa: ANN401 -- a function
    """Return a function that returns the JSON answer of the command."""

    def ask(image: str, *options: str) -> dict[str, Any]:
        assert _similar(corpus, image, "--json", *options) == 0
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    return ask


def _results(output: Path) -> Path:
    return output / Latest.from_json((output / "results/latest.json").read_bytes()).results


def test_a_key_gets_the_nearest_rows_of_the_matrix(corpus: Path, answer: Any) -> None:  # noqa: ANN401
    """The answer is that of a comparison of the published coordinates; a copy under another name has distance 0."""
    keys, coordinates = read_matrix(_results(corpus))
    row = keys.index(ORIGINAL)
    distances = pairwise_distances(coordinates[[row]], coordinates)[0]
    others = sorted(set(range(len(keys))) - {row}, key=lambda number: (round(distances[number], 5), keys[number]))
    found = answer(ORIGINAL, "-n", "12")
    assert [image["key"] for image in found["nearest"]] == [keys[number] for number in others[:12]]
    np.testing.assert_allclose([image["distance"] for image in found["nearest"]], distances[others[:12]], atol=1e-4)
    assert found["nearest"][0] == {"rank": 1, "distance": 0.0, "label": "Plum", "key": COPY}
    assert found["image"] == {"key": ORIGINAL, "file": None, "label": "Plum"}
    assert found["dimensions"] == coordinates.shape[1]


@pytest.mark.parametrize("by", ["components", "features"])
def test_a_file_is_embedded_as_the_run_has_embedded_it(corpus: Path, answer: Any, by: str) -> None:  # noqa: ANN401
    """The file of an image of the corpus is as near to the others as the image, and at distance 0 from itself."""
    file = str(corpus.parent / "images" / ORIGINAL)
    of_file, of_key = answer(file, "--by", by, "-n", "8"), answer(ORIGINAL, "--by", by, "-n", "7")
    assert of_file["image"] == {"key": None, "file": file, "label": None}
    assert {image["key"] for image in of_file["nearest"][:2]} == {ORIGINAL, COPY}
    assert of_file["nearest"][0]["distance"] == pytest.approx(0, abs=1e-4)
    expected = [image["key"] for image in of_key["nearest"][1:]]
    assert [image["key"] for image in of_file["nearest"][2:]] == expected
    np.testing.assert_allclose(
        [image["distance"] for image in of_file["nearest"][2:]],
        [image["distance"] for image in of_key["nearest"][1:]],
        rtol=1e-3,
        atol=1e-5,
    )


def test_the_answer_says_which_of_the_two_was_compared(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key wins against a file of the same name, and the command says how to compare the file."""
    assert _similar(corpus, ORIGINAL) == 0
    assert capsys.readouterr().out.startswith(f"{ORIGINAL} is an image of the corpus.\nThe nearest of ")
    monkeypatch.chdir(corpus.parent / "images")
    assert _similar(corpus, ORIGINAL) == 0
    assert "write ./ before it to compare the file" in capsys.readouterr().out
    assert _similar(corpus, f"./{ORIGINAL}", "-n", "1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(" is a file on this machine, which the model of the results has embedded.")
    assert lines[-1].split() == ["1", "0.0000", "Plum", *COPY.split()]


def test_an_image_without_label_is_listed(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table has a dash for its label, and its key as it is, without the apostrophe of the CSV files."""
    assert _similar(corpus, "Orange/view 000.jpg", "-n", "1") == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["1", "0.0000", "-", FORMULA]


def test_the_sheet_shows_the_images(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page contains all names as text; an existing page is replaced with --force only."""
    sheet = tmp_path / "sheet.html"
    assert _similar(corpus, MARKUP, "--html", str(sheet)) == 0
    page = sheet.read_text()
    assert "<b>&" not in page
    assert "Plum/&lt;b&gt;&amp;&#39;&#34;.jpg" in page
    assert COPY in page
    assert capsys.readouterr().out.endswith(f"  sheet    {sheet}\n")
    sheet.write_text("of the user")
    assert _similar(corpus, MARKUP, "--html", str(sheet)) == 2
    assert "add --force" in capsys.readouterr().err
    assert sheet.read_text() == "of the user"
    assert _similar(corpus, str(corpus.parent / "images" / ORIGINAL), "--html", str(sheet), "--force") == 0
    assert "data:image/webp;base64," in sheet.read_text()


def test_the_sheet_does_not_confuse_a_file_with_an_image_of_its_name(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is written with ./ has the name of a key otherwise; each of the two is shown with its own picture."""
    (tmp_path / ORIGINAL).parent.mkdir()
    Image.open(corpus.parent / "images" / "Orange/view 001.jpg").save(tmp_path / ORIGINAL)
    monkeypatch.chdir(tmp_path)
    assert _similar(corpus, ORIGINAL, "-n", "100", "--html", "key.html") == 0
    assert _similar(corpus, f"./{ORIGINAL}", "-n", "100", "--html", "file.html") == 0
    of_key, of_file = (Path(name).read_text() for name in ("key.html", "file.html"))
    heads = [re.findall(r'class="image"><figure>\s*<img alt="" src="([^"]*)"', page) for page in (of_key, of_file)]
    assert [len(head) for head in heads] == [1, 1]
    assert heads[0] != heads[1]
    assert of_file.count(heads[0][0]) == of_key.count(heads[0][0]) > 0
    assert f"<h1>./{ORIGINAL}</h1>" in of_file


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (
            "Plum/view 00.jpg",
            "nor a file on this machine. Did you mean Plum/view",
        ),
        ("nothing like it", "neither the key of an image in {output} nor a file on this machine."),
        ("Broken/empty.jpg", "The image Broken/empty.jpg is refused, so it has no features: empty, 0 bytes."),
        ("{images}/Broken/empty.jpg", "A run would refuse {images}/Broken/empty.jpg: empty, 0 bytes."),
        ("{output}", "neither the key"),
        ("x" * 300, "neither the key"),
        ("~nosuchuser/x.jpg", "neither the key"),
        ("two\nlines", "neither the key"),
    ],
)
def test_an_image_that_can_not_be_compared(
    image: str, problem: str, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown key gets a suggestion, a refused image its reason, and exit code 2."""
    places = {"output": str(corpus), "images": str(corpus.parent / "images")}
    assert _similar(corpus, image.format(**places)) == 2
    assert problem.format(**places) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["x"], "Name an output on this machine with --output, or an environment with --env."),
        (["x", "--output", ".", "--env", "dev"], "leave one of them out"),
        (["x", "--output", "s3://bucket"], "For the cloud, use --env."),
        (["x", "--output", "."], "There are no complete results in"),
        (["x", "--output", ".", "--endpoint-url", "http://127.0.0.1:5000"], "--endpoint-url is for an environment"),
        (["x", "--output", ".", "--force"], "--force is for the file of --html"),
        (["x", "--env", "dev", "--database", "mine"], "--database is for --output"),
        (["x", "--output", ".", "--html", "x" * 300], "File name too long"),
        (["x\udcff", "--output", "."], "IMAGE must be valid Unicode (UTF-8), not 'x\\udcff'"),
        (["x", "--output", ".", "-n", "0"], "must be at least 1, not 0"),
        (["x", "--output", ".", "--by", "colour"], "--by"),
        (["x", "--output", ".", "--html", "nowhere/x.html"], "There is no folder nowhere for x.html."),
        (["x", "--env", "nope"], "nope"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A mistake of the user prints one sentence, and exits with code 2."""
    monkeypatch.chdir(tmp_path)
    assert problem in sentence_of_mistake(capsys, "similar", *arguments)


def test_a_damaged_model_is_named(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file is not embedded with a network that differs from the one of the run."""
    output = shutil.copytree(corpus, tmp_path / "output")
    (network,) = output.glob("models/*/model.tflite")
    network.write_bytes(network.read_bytes()[:-1] + b"?")
    assert _similar(output, str(corpus.parent / "images" / ORIGINAL)) == 2
    assert "is missing or damaged: a run in --mode reprocess makes it again." in capsys.readouterr().err
    assert _similar(output, ORIGINAL) == 0


def test_results_without_images_are_said_to_be_empty(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results of no image have nothing to compare with."""
    output = tmp_path / "output"
    shutil.copytree(corpus / "results", output / "results")
    file = _results(output) / "summary.json"
    file.write_text(replace(Summary.from_json(file.read_bytes()), counts=Counts()).to_json())
    assert _similar(output, ORIGINAL) == 2
    assert "contain no image to compare with" in capsys.readouterr().err


def test_neither_spark_nor_tensorflow_is_started(corpus: Path, tmp_path: Path) -> None:
    """A file of another size and format is compared in a process that loads neither of the two."""
    Image.new("RGB", (700, 300), "red").save(tmp_path / "red.png")
    program = (
        "import sys\nfrom cli.main import main\ncode = main(sys.argv[1:])\n"
        "print([name for name in ('pyspark', 'tensorflow', 'boto3') if name in sys.modules], file=sys.stderr)\n"
        "sys.exit(code)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, "similar", "--output", str(corpus), str(tmp_path / "red.png")],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "[]\n")
    assert len(answer.stdout.splitlines()) == 3 + 10
