"""The figures of the notebook, drawn with matplotlib. Each function returns a figure, which the notebook shows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from handover.notebook.words import Speaker

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from handover.notebook.images import Picture

Matrix = npt.NDArray[np.floating]

WIDTH = 10.0
"""Width of a figure in inches."""

LEGEND_ROWS = 24
"""Most varieties that a legend names."""


def _figure(width: float, height: float) -> "Figure":
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(width, height), layout="constrained")


def counts_figure(counts: Mapping[str, int], say: Speaker) -> "Figure":
    """Draw a bar for the number of images of each variety."""
    figure = _figure(WIDTH, 0.8 + 0.26 * len(counts))
    axes = figure.add_subplot()
    bars = axes.barh(list(counts), list(counts.values()), color="#4c78a8")
    axes.bar_label(bars, padding=3)
    axes.invert_yaxis()
    axes.set_xlabel(say.name("count"))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def grid_figure(pictures: "Sequence[Picture]", columns: int = 7) -> "Figure":
    """Draw images with their labels in a grid."""
    rows = -(-len(pictures) // columns)
    figure = _figure(WIDTH, 1.75 * rows)
    for number, picture in enumerate(pictures, 1):
        axes = figure.add_subplot(rows, columns, number)
        axes.imshow(picture.pixels)
        axes.set_title(picture.label or "", fontsize=8)
        axes.axis("off")
    return figure


def preprocessing_figure(stored: npt.NDArray[np.uint8], prepared: Matrix, wrong: Matrix, say: Speaker) -> "Figure":
    """Draw an image before and after the preprocessing, and the distributions of its values.

    Parameters
    ----------
    stored
        The image as it is stored, shape (height, width, 3).
    prepared, wrong
        The input of the network, shape (224, 224, 3), in -1…1, and what a division by 255 would make of it.
    """
    figure = _figure(WIDTH, 3.2)
    height, width, _ = stored.shape
    before, after = say.name("before", width=width, height=height), say.name("after")
    shown: list[tuple[str, npt.NDArray[Any]]] = [(before, stored), (after, (prepared + 1) / 2)]
    for number, (title, pixels) in enumerate(shown, 1):
        axes = figure.add_subplot(1, 3, number)
        axes.imshow(pixels)
        axes.set_title(title, fontsize=10)
    axes = figure.add_subplot(1, 3, 3)
    bins = list(np.linspace(-1, 1, 81))
    for name, values, colour in (("after", prepared, "#4c78a8"), ("wrong", wrong, "#e45756")):
        axes.hist(values.ravel(), bins, alpha=0.6, color=colour, label=say.name(name), log=True)
    axes.set_xlabel(say.name("values"))
    axes.legend(fontsize=7, loc="upper left")
    return figure


def seconds_figure(seconds: Mapping[str, float], label: str, say: Speaker) -> "Figure":
    """Draw a bar for the duration of each way to do the same."""
    figure = _figure(WIDTH, 0.8 + 0.42 * len(seconds))
    axes = figure.add_subplot()
    bars = axes.barh(list(seconds), list(seconds.values()), color="#4c78a8")
    axes.bar_label(bars, [say.number(value) for value in seconds.values()], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def scree_figure(ratios: Matrix, k: int, share: float, say: Speaker) -> "Figure":
    """Draw the share of the variance of each component, and the cumulative share with the chosen k.

    Parameters
    ----------
    ratios
        Share of the variance along all components, shape (d,), decreasing.
    """
    from matplotlib.ticker import MaxNLocator

    shown = min(len(ratios), 2 * k)
    numbers, figure = np.arange(1, shown + 1), _figure(WIDTH, 3.6)
    left, right = figure.subplots(1, 2)
    left.bar(numbers[:20], ratios[:20], color="#4c78a8")
    left.set_ylabel(say.name("variance"))
    right.plot(numbers, np.cumsum(ratios)[:shown], color="#4c78a8")
    right.axhline(share, color="grey", linewidth=0.8, linestyle="--")
    right.axvline(k, color="#e45756", linewidth=1)
    right.annotate(f"k = {k}", (k, 0.02), xytext=(4, 0), textcoords="offset points", color="#e45756")
    right.set_ylabel(say.name("cumulative"))
    right.set_ylim(0, 1.02)
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (left, right):
        axes.set_xlabel(say.name("component"))
        axes.yaxis.set_major_formatter(lambda value, _: say.percent(value, 0))
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def plane_figure(coordinates: Matrix, labels: Sequence[str], ratios: Matrix, say: Speaker) -> "Figure":
    """Draw the images along the first two components, coloured by variety.

    Parameters
    ----------
    coordinates
        Shape (n, k).
    ratios
        Share of the variance along each component.
    """
    figure = _figure(WIDTH, 6)
    axes = figure.add_subplot()
    _points(axes, coordinates[:, :2], labels)
    axes.set_xlabel(f"PC1 ({say.percent(ratios[0])})")
    axes.set_ylabel(f"PC2 ({say.percent(ratios[1])})")
    _legend(figure, axes)
    return figure


def space_figure(coordinates: Matrix, labels: Sequence[str], ratios: Matrix, say: Speaker) -> "Figure":
    """Draw the images along the first three components; see `plane_figure`."""
    figure = _figure(WIDTH, 6.5)
    axes = figure.add_subplot(projection="3d")
    _points(axes, coordinates[:, :3], labels)
    for number, direction in enumerate("xyz"):
        axes.set(**{f"{direction}label": f"PC{number + 1} ({say.percent(ratios[number])})"})
    _legend(figure, axes)
    return figure


def _points(axes: "Axes", points: Matrix, labels: Sequence[str]) -> None:
    import matplotlib as mpl

    names, colours, shapes = sorted(set(labels)), mpl.colormaps["tab10"].colors, "os^DvP"  # type: ignore[attr-defined]  # of a list of colours
    for number, name in enumerate(names):
        chosen = points[[label == name for label in labels]]
        # Ten colours are easy to tell apart, so further varieties differ by their shapes.
        colour, shape = colours[number % 10], shapes[number // 10 % len(shapes)]
        axes.plot(*chosen.T, shape, color=colour, markersize=5, alpha=0.8, markeredgewidth=0, label=name)


def _legend(figure: "Figure", axes: "Axes") -> None:
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles[:LEGEND_ROWS], names[:LEGEND_ROWS], loc="outside right upper", fontsize=8, frameon=False)
