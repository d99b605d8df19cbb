"""The ends of the components: the images that show what a component distinguishes."""

import numpy as np

from spark_app.explorer.data import Points
from spark_app.report.data import ComponentEnds, EndImage

COMPONENTS = 6
"""Components whose ends the report shows."""

IMAGES = 6
"""Images that it shows at each end."""


def ends_of(points: Points) -> list[ComponentEnds]:
    """Return the ends of the first components. Images with equal coordinates have the order of their hashes."""
    return [_ends_along(points, component) for component in range(min(COMPONENTS, points.coordinates.shape[1]))]


def _ends_along(points: Points, component: int) -> ComponentEnds:
    values = points.coordinates[:, component].astype(np.float64)
    low, high = (np.argsort(sign * values, kind="stable")[:IMAGES].tolist() for sign in (1, -1))

    def images(numbers: list[int]) -> list[EndImage]:
        return [EndImage(points.keys[number], points.labels[number], float(values[number])) for number in numbers]

    return ComponentEnds(images(low), images(high))
