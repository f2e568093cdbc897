"""What measures read: small frozen records, already reduced from the rows.

Letters: n samples, d features, k = min(n, d), c classes. All tensors float64 on one device.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor


class Need(StrEnum):
    """The record that a measure reads; the plan computes each once for all measures."""

    SPECTRUM = "spectrum of the centred covariance"
    SECOND_MOMENT = "spectrum of the uncentred second moment"
    CLEAN_SPECTRUM = "spectrum without rogue coordinates"
    POPULATION = "population spectrum behind that of the centred covariance"
    CLEAN_POPULATION = "the same without rogue coordinates"
    DIRECTION_SPECTRUM = "spectrum of the uncentred second moment of unit rows"
    LOCATION = "mean and spread"
    CLEAN_LOCATION = "mean and spread without rogue coordinates"
    DIRECTIONS = "mean and variance of unit rows"
    ACTIVITY = "range and firing counts of every feature"
    POTENTIAL = "pairwise potential of unit rows"
    NEIGHBOURS = "distances to the two nearest neighbours"
    CLASS_MEANS = "class means and the total scatter"
    CLASS_SPECTRA = "spectrum of every class"
    OBJECTS = "scatter between and within objects"
    CLOUD = "a sample of rows and their median distance"
    OUTPUTS = "entropies of a classifier's outputs and of their class means"


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Eigenvalues (k,) of a second-order matrix, descending, nothing negative.

    `degrees` is what the scatter was divided by: n - 1 centred, n uncentred.
    `floor` is the eigenvalue below which rounding shows instead of data.
    `scale` is the power of two that the rows were multiplied by to keep squares finite.
    `fourth` is the sum of |x - mean|^4 over the rows, where it was gathered; `varying` counts the features
    that are not constant, where that is known.
    """

    eigenvalues: Tensor
    n: int
    d: int
    degrees: int
    floor: float = 0.0
    scale: float = 1.0
    fourth: Tensor | None = None
    varying: int | None = None

    @property
    def mean_variance(self) -> Tensor:
        """Mean over the features of their variance, in squared units."""
        return self.eigenvalues.sum() / self.scale / self.scale / self.d

    @property
    def energy_variation(self) -> float:
        """Squared coefficient of variation of |x - mean|^2 over the rows; 0 where it was not gathered."""
        energy = float(self.eigenvalues.sum()) * self.degrees
        if self.fourth is None or energy == 0:
            return 0.0
        return max(self.n * float(self.fourth) / energy**2 - 1, 0.0)

    @property
    def effective_n(self) -> float:
        """Rows of equal energy that would say as much: n / (1 + variation)."""
        return self.n / (1 + self.energy_variation)

    def total(self, values: Tensor) -> Tensor:
        """Sum of one value for each eigenvalue."""
        return values.sum()

    def entropy(self, shares: Tensor) -> Tensor:
        """Sum of -p log p, in nats, 0 log 0 being 0."""
        found: Tensor = torch.special.entr(shares).sum()
        return found

    @property
    def singular_values(self) -> Tensor:
        """Singular values (k,) of the (centred) n x d matrix."""
        return (self.eigenvalues * self.degrees).sqrt()

    @property
    def shares(self) -> Tensor:
        """Eigenvalues divided by their sum (k,)."""
        return self.eigenvalues / self.eigenvalues.sum()


@dataclass(frozen=True, slots=True)
class Population:
    """The spectrum of the population as a quadrature rule: nodes and weights (m,), real or complex.

    The sum of f over its d eigenvalues is the real part of the sum of weight * f(node). Reads like a
    `Spectrum` to the measures that are corrected with it.
    """

    nodes: Tensor
    weights: Tensor
    d: int

    @property
    def singular_values(self) -> Tensor:
        """Square roots of the nodes: singular values up to one factor."""
        return self.nodes.sqrt()

    @property
    def shares(self) -> Tensor:
        """Nodes divided by the sum of the eigenvalues."""
        return self.nodes / self.total(self.nodes)

    @property
    def mean_variance(self) -> Tensor:
        """Mean over the features of their variance."""
        return self.total(self.nodes) / self.d

    def total(self, values: Tensor) -> Tensor:
        """Sum over the population of one value for each node."""
        found: Tensor = (self.weights * values).sum()
        real: Tensor = found.real if found.is_complex() else found
        return real

    def entropy(self, shares: Tensor) -> Tensor:
        """Sum over the population of -p log p, in nats, 0 log 0 being 0."""
        positive = torch.where(shares == 0, torch.ones_like(shares), shares)
        found: Tensor = self.total(-shares * positive.log())
        return found


@dataclass(frozen=True, slots=True)
class Location:
    """|mean|^2 and mean |x - mean|^2, both scalars, in the same units."""

    mean_square: Tensor
    spread: Tensor


@dataclass(frozen=True, slots=True)
class Directions:
    """Unit rows: mean (d,), variance (d,) with ddof=1, count n and how many rows are not zero."""

    mean: Tensor
    variance: Tensor
    n: int
    nonzero: Tensor


@dataclass(frozen=True, slots=True)
class Activity:
    """Per feature (d,): smallest and largest value, and how many of the n values are positive."""

    minimum: Tensor
    maximum: Tensor
    firing: Tensor
    n: int


@dataclass(frozen=True, slots=True)
class Potential:
    """Sum of exp(-t |zi - zj|^2), t = 2, over `pairs` pairs i < j of unit rows; both scalars."""

    total: Tensor
    pairs: Tensor


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Ratio (m,) of the second to the first neighbour distance, one per distinct row, >= 1."""

    ratios: Tensor


@dataclass(frozen=True, slots=True)
class ClassMeans:
    """Class counts (c,), class means (c, d), global mean (d,) and total scatter (d, d) about it."""

    counts: Tensor
    means: Tensor
    mean: Tensor
    scatter: Tensor


@dataclass(frozen=True, slots=True)
class ClassSpectra:
    """Covariance eigenvalues of each class, descending, with the class sizes and names."""

    spectra: tuple[Tensor, ...]
    counts: tuple[int, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Objects:
    """Covariance of object means (d, d; over n objects) and mean covariance within objects (d, d)."""

    between: Tensor
    within: Tensor
    n: int
    q: int


@dataclass(frozen=True, slots=True)
class Cloud:
    """A sample of rows (m, d) with their median distance `width`; `kept` (k,) restricts them to some.

    `scale` is the power of two that the rows were multiplied by. `no_interval` says why there is none.
    """

    rows: Tensor
    width: float
    scale: float = 1.0
    kept: Tensor | None = None
    no_interval: str = ""

    @property
    def chosen(self) -> Tensor:
        """The rows that count."""
        return self.rows if self.kept is None else self.rows[self.kept]


@dataclass(frozen=True, slots=True)
class Outputs:
    """Class counts (c,) of n rows and, for rows read as logits and as probabilities, entropies (c, 2): the
    mean over the rows of a class, and that of their mean.

    `distributions` says whether every row is a distribution as it is; else `probabilities` means nothing.
    """

    counts: Tensor
    logits: Tensor
    probabilities: Tensor
    n: int
    d: int
    distributions: bool


Record = (
    Spectrum
    | Population
    | Location
    | Directions
    | Activity
    | Potential
    | Neighbours
    | ClassMeans
    | ClassSpectra
    | Objects
    | Cloud
    | Outputs
)
