"""Tests of the curation as a whole: what an earlier run knows saves work, and changes nothing."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from spark_app.curation.corpus import HeldCoordinates, run_here
from spark_app.curation.curate import Curated, curate, near_rule
from spark_app.curation.images import Images
from spark_app.curation.known import Known, known_from_npz, known_to_npz
from spark_app.numerics.neighbours import NearRule
from spark_app.settings import CurationSettings
from tests.spark_app.curation.synthetic import Drawn, K, basis, draw, labelled

SETTINGS = CurationSettings(label_doubt_neighbours=2)


def _curate(drawn: Drawn, known: Known | None = None) -> Curated:
    coordinates = HeldCoordinates(drawn.vectors)
    return curate(drawn.images, coordinates, basis(400), known or Known.nothing(), SETTINGS, run_here)


def _stored(curated: Curated) -> Known:
    """Return what the next run reads."""
    rule = near_rule(SETTINGS)
    return known_from_npz(known_to_npz(curated.known, rule), rule)


@pytest.mark.parametrize("seed", range(12))
def test_an_update_finds_what_a_first_run_finds(seed: int) -> None:
    """After any history of additions and removals, the findings and what is known equal those of a run from scratch."""
    rng = np.random.default_rng(seed)
    all_images = draw(rng, 300)
    known = Known.nothing()
    for _ in range(4):
        share = rng.random()
        present = all_images.take(np.flatnonzero(rng.random(300) < share))
        updated, anew = _curate(present, known), _curate(present)
        assert updated.findings.equals(anew.findings)
        assert updated.representation == anew.representation
        assert known_to_npz(updated.known, near_rule(SETTINGS)) == known_to_npz(anew.known, near_rule(SETTINGS))
        known = _stored(updated)


def test_every_kind_that_needs_other_images_is_found() -> None:
    """The synthetic images of the other tests have findings of all kinds, so that these tests compare something."""
    kinds = set(_curate(draw(np.random.default_rng(1), 400)).findings["kind"].to_pylist())
    assert {"duplicate", "near_duplicate", "label_doubt", "label_outlier", "outlier"} <= kinds


def test_an_update_compares_only_what_has_changed() -> None:
    """If no image has changed, no coordinates of pairs are read; if one was added, it alone is compared with all."""
    drawn = draw(np.random.default_rng(3), 200)
    compared: list[int] = []

    def counting(function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        if "nearest" in str(function):
            compared.extend(len(item) for item in items)
        return run_here(function, items)

    def update(images: Drawn, known: Known) -> Curated:
        compared.clear()
        return curate(images.images, HeldCoordinates(images.vectors), basis(400), known, SETTINGS, counting)

    known = update(drawn.take(np.arange(199)), Known.nothing()).known
    assert compared == [199]
    known = update(drawn, known).known
    assert compared == [1, 199]  # the new image with all, and the others with it
    update(drawn, known)
    assert compared == []


def test_a_known_pair_of_another_rule_is_forgotten() -> None:
    """If the user changes the rule of near-duplicates, nothing is taken from the file of the earlier rule."""
    body = known_to_npz(_curate(draw(np.random.default_rng(3), 50)).known, near_rule(SETTINGS))
    other = near_rule(CurationSettings(near_duplicate_bits=3))
    assert len(known_from_npz(body, other).rows) == 0


def test_too_many_images_are_not_compared_but_a_small_update_of_them_is() -> None:
    """The limit is on the pairs that a run compares. Without neighbours, no label is doubted, no accuracy is stated."""
    drawn = draw(np.random.default_rng(3), 200)
    few = CurationSettings(label_doubt_neighbours=2, max_compared_images=100)

    def of(images: Drawn, known: Known, settings: CurationSettings) -> Curated:
        return curate(images.images, HeldCoordinates(images.vectors), basis(400), known, settings, run_here)

    limited = of(drawn, Known.nothing(), few)
    assert (limited.has_neighbours, limited.representation) == (False, None)
    assert "label_doubt" not in limited.findings["kind"].to_pylist()
    assert len(limited.known.pairs.left) > 0
    most = of(drawn.take(np.arange(199)), Known.nothing(), SETTINGS)
    updated = of(drawn, most.known, few)
    assert updated.findings.equals(_curate(drawn).findings)
    assert of(drawn, limited.known, SETTINGS).findings.equals(_curate(drawn).findings)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_images(n: int) -> None:
    """A corpus of no, one or a few images is curated like any other."""
    drawn = draw(np.random.default_rng(5), 3).take(np.arange(n))
    assert set(_curate(drawn).findings["key"].to_pylist()) <= set(drawn.images.keys.to_pylist())


def test_strict_options_leave_no_lenient_rule() -> None:
    """The rule for nearly equal hashes follows the two options of near-duplicates."""
    assert near_rule(CurationSettings()) == NearRule(8, 0.9, 2, 0.75)
    strict = near_rule(CurationSettings(near_duplicate_bits=0, near_duplicate_cosine=1.0))
    assert (strict.close_bits, strict.close_cosine) == (0, 0.85)


def test_separated_films_are_told_apart() -> None:
    """Images whose label has near-duplicates of them only are neither doubted nor counted as wrong."""
    images = labelled("A" * 30 + "B" * 30)
    rows = images.rows
    for name, values in (("content_id", np.arange(1, 61)), ("perceptual_hash", np.where(images.codes, 2**40 - 1, 0))):
        rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array(values))
    films = Drawn(Images(rows), np.repeat([[1.0], [9.0]], 30, axis=0).astype(np.float32) * np.ones(K, np.float32))
    found = _curate(films)
    assert "label_doubt" not in found.findings["kind"].to_pylist()
    assert (found.representation, found.unjudged) == (None, 60)
