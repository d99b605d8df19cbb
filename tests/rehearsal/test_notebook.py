"""The notebook in a rehearsal: it uploads, follows the run, and reads what the cloud has computed."""

from pathlib import Path

from cli.sample import BROKEN, draw_sample
from handover.notebook.places import FOLDER
from spark_app.engine.model import ExportedModel
from spark_app.engine.weights import Weights
from tests.handover.notebooks import executed, save_exported
from tests.rehearsal.cloud import Cloud

VIEWS = 2


def test_the_notebook_goes_through_the_cloud(
    cloud: Cloud, tmp_path: Path, seeded: Weights, exported: ExportedModel
) -> None:
    """One job computes the uploaded images, and the tables have the features of the notebook.

    Of what the notebook itself has made, nothing is left in the bucket: no broken file, no additional image, no copy of
    the matrix. The user's images are. On this machine, the results of the product are left, and no temporary files.
    """
    before, there = len(cloud.jobs()), cloud.uploaded()
    images, model = tmp_path / "images", save_exported(tmp_path / "model", seeded, exported)
    pictures = draw_sample(images, VIEWS)
    place = ("--where", "rehearsal", "--endpoint-url", str(cloud.deployment.endpoint_url), "--language", "en")
    notebook = executed(tmp_path / "executed", *place, "--images", images, "--weights", model)
    assert cloud.settle()
    assert cloud.troubles() == []
    assert notebook.noise == ""
    assert [job["state"] for job in cloud.jobs()[before:]] == ["SUCCESS"]
    mine = {path.relative_to(images).as_posix() for path in images.rglob("view*")}
    assert len(mine) == pictures
    assert mine <= cloud.images()
    assert cloud.uploaded() == there | mine
    assert f"is in {cloud.deployment.region}, a Region in the European Union" in notebook.said
    assert f"{pictures + len(BROKEN)} images = {pictures} rows + {len(BROKEN)} refused files" in notebook.said
    assert "the features of mapInArrow, LiteRT and dev" in notebook.said
    assert "the job ended as SUCCESS" in notebook.said
    assert cloud.deployment.s3.list_objects_v2(Bucket=cloud.deployment.bucket, Prefix=FOLDER)["KeyCount"] == 0
    [output] = notebook.notebook.parent.glob("output-*")
    assert not (output / "scratch").exists()
    assert len(list(output.glob("pipeline/results/*/report.html"))) == 2
