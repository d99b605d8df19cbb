"""The number of principal components to keep: an exact count, or the share of the variance that they must capture."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ComponentCount:
    """A request for a number of components.

    Raises
    ------
    ValueError
        If the count is not a positive integer.
    """

    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"a count of components must be at least 1, not {self.count}")

    @property
    def number(self) -> int:
        """The request as a JSON number: an integer."""
        return self.count

    def __str__(self) -> str:
        return str(self.count)


@dataclass(frozen=True)
class VarianceShare:
    """A request for the least number of components that captures more than a share of the variance.

    Raises
    ------
    ValueError
        If the share is not between 0 and 1.
    """

    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"a share of the variance must be between 0 and 1, not {self.share:g}")

    @property
    def number(self) -> float:
        """The request as a JSON number: a fraction below 1."""
        return self.share

    def __str__(self) -> str:
        return f"{self.share:g}"


RequestedComponents = ComponentCount | VarianceShare
