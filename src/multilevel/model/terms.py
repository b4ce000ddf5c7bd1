"""One grouped term of a model, `(effects | group)`, and the covariance structures it can have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Covariance(Enum):
    """How the effects of one group vary together."""

    UNSTRUCTURED = "unstructured"
    """Every sd and every correlation is free: `(x | g)`, `us(x | g)`."""
    DIAGONAL = "diagonal"
    """A free sd for each effect, no correlations: `(x || g)`, `diag(x | g)`."""
    SCALAR = "scalar"
    """One sd shared by all effects, no correlations: `homdiag(x | g)`."""
    COMPOUND_SYMMETRIC = "compound symmetric"
    """One sd and one correlation shared by all effects: `cs(x | g)`."""
    AUTOREGRESSIVE = "autoregressive"
    """One sd, and correlations that fall with the distance in time: `ar1(0 + time | g)`."""
    RANDOM_WALK = "random walk"
    """A walk of independent steps through time, of one sd: `rw1(0 + time | g)`."""

    @property
    def one_sd(self) -> bool:
        """Whether all effects share one sd (of a random walk: that of its steps)."""
        return self not in (Covariance.UNSTRUCTURED, Covariance.DIAGONAL)

    @property
    def correlated(self) -> bool:
        """Whether several effects may be correlated."""
        return self not in (Covariance.DIAGONAL, Covariance.SCALAR)

    @property
    def serial(self) -> bool:
        """Whether the effects are those of one group at successive times."""
        return self in (Covariance.AUTOREGRESSIVE, Covariance.RANDOM_WALK)


@dataclass(frozen=True, slots=True)
class GroupTerm:
    """Effects that vary between the levels of a grouping factor.

    Parameters
    ----------
    effects
        Formula text of the left side, with its implicit intercept written out: ``"1 + days"``.
    factors
        Columns whose observed combinations are the levels: ``("subject",)``, ``("batch", "cask")``.
        For nested groups the outer column comes first.
    covariance
        Structure of the effects' covariance matrix.
    position
        Zero-based character of the term in the model's text, for error messages.
    """

    effects: str
    factors: tuple[str, ...]
    covariance: Covariance = Covariance.UNSTRUCTURED
    position: int = 0

    @property
    def group(self) -> str:
        """Name of the grouping factor: its columns joined by a colon, as in ``"batch:cask"``."""
        return ":".join(self.factors)
