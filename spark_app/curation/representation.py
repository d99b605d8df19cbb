"""How well coordinates tell the labels apart, without training a model: nearest neighbours and nearest centroids."""

from dataclasses import dataclass

import numpy as np

from contract.findings import Representation
from spark_app.curation.corpus import Corpus, HeldCoordinates, origin_of, run_here
from spark_app.curation.images import Floats, Images
from spark_app.curation.known import Known
from spark_app.curation.label_doubts import nearest_labels
from spark_app.curation.near_duplicates import ContentPairs, find_near_duplicates
from spark_app.curation.neighbourhood import Pending, nearest_neighbours
from spark_app.curation.spread import Spread, measure_spread
from spark_app.numerics.neighbours import NearRule, Neighbours
from spark_app.numerics.pca import Basis

DECIMALS = 6


@dataclass(frozen=True)
class Sampled:
    """The quality of two representations of the same images; `None` if there are no two labels to tell apart."""

    components: Representation | None
    features: Representation | None


def compare_representations(images: Images, features: Floats, basis: Basis, rule: NearRule) -> Sampled:
    """Assess the components and the features of some images, so that one sees what the reduction costs.

    Parameters
    ----------
    features
        Shape (len(images), 1280).
    """
    as_features = np.zeros(features.shape[1] + 1, np.float32)  # no mean was subtracted
    scaled = (features / basis.scale).astype(np.float32)
    coordinates = basis.project(features).astype(np.float32)
    return Sampled(
        components=_assess(images, coordinates, origin_of(basis), rule),
        features=_assess(images, scaled, as_features, rule),
    )


def _assess(images: Images, vectors: Floats, origin: Floats, rule: NearRule) -> Representation | None:
    held = HeldCoordinates(vectors)
    corpus = Corpus.of(images, held, origin)
    near = find_near_duplicates(images, corpus, rule, ContentPairs.none(), run_here)
    neighbours = nearest_neighbours(Pending.of(images.row_ids, Known.nothing()), corpus, rule, run_here)
    spread = measure_spread(images, near.groups, held, np.ones(vectors.shape[1]), run_here)
    return representation_of(images, neighbours, spread)


def representation_of(images: Images, neighbours: Neighbours, spread: Spread) -> Representation | None:
    """Return how often the nearest neighbour and the nearest centroid have the label of an image.

    Parameters
    ----------
    neighbours
        Nearest neighbours without near-duplicates.
    spread
        Their nearest centroids. An image whose label has no images but its near-duplicates is left out.

    Returns
    -------
    Representation or None
        `None` if there are no two labels to tell apart.
    """
    nearest = nearest_labels(images, neighbours)
    compared = (images.codes >= 0) & (spread.others > 0) & (nearest >= 0)
    if len(images.labels) < 2 or not compared.any():  # noqa: PLR2004 -- two labels
        return None
    codes = images.codes[compared]
    return Representation(
        images=len(codes),
        nearest_neighbour=round(float(np.mean(nearest[compared] == codes)), DECIMALS),
        nearest_centroid=round(float(np.mean(spread.nearest_label[compared] == codes)), DECIMALS),
    )
