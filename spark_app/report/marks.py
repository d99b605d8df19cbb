"""The marks by which a reader tells the labels of a scatter plot apart: a colour and a shape each.

The colours are the schemes "bright" and, on a dark page, "light" of Paul Tol (https://personal.sron.nl/~pault/), which
readers with any common colour blindness can tell apart. The stylesheet of the report defines them.
"""

from dataclasses import dataclass

COLOURS = 6
"""Number of colours of the stylesheet: the classes ``c0`` to ``c5``."""

SHAPES = (
    "m-3.2 0a3.2 3.2 0 1 0 6.4 0 3.2 3.2 0 1 0-6.4 0z",  # circle
    "m-2.8-2.8h5.6v5.6h-5.6z",  # square
    "m0-3.8 3.7 6.4h-7.4z",  # triangle
    "m0-4.2 3.6 4.2-3.6 4.2-3.6-4.2z",  # diamond
    "m0 3.8 3.7-6.4h-7.4z",  # triangle that points down
    "m-1.3-3.9h2.6v2.6h2.6v2.6h-2.6v2.6h-2.6v-2.6h-2.6v-2.6h2.6z",  # cross
)
"""Outlines as relative paths of SVG, which begin at the centre."""


@dataclass(frozen=True)
class Mark:
    """How the images of a label are drawn."""

    colour: str
    """A class of the stylesheet."""
    shape: str
    """One of `SHAPES`."""

    def at(self, x: float, y: float) -> str:
        """Return the path of the mark at a position."""
        return f"M{x:g} {y:g}{self.shape}"


MARKS = tuple(
    Mark(f"c{number % COLOURS}", SHAPES[(number + number // COLOURS) % len(SHAPES)])
    for number in range(COLOURS * len(SHAPES))
)
"""All pairs of a colour and a shape. Marks that follow each other differ in both."""

REST = Mark("rest", "h0")
"""Mark of all labels beyond `MARKS`: a small grey circle. It is a line without length, with round ends, as most images
of a large corpus have this mark."""
