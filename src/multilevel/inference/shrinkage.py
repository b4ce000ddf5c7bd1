"""Shrinkage of groups in a plane: by themselves, in the model, and the ellipses of the law of groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from multilevel.errors import OptionError
from multilevel.inference.effects import modes
from multilevel.inference.new_data import read_new_data
from multilevel.inference.pooling import LeastSquares, no_pooling
from multilevel.inference.posterior_draws import covariances, kept_coefficients, kept_effects
from multilevel.results import Columns, Fit
from multilevel.results.options import check_level
from multilevel.results.posterior import Result

Floats = NDArray[np.float64]
Places = Mapping[str, Mapping[str, object]]
"""Two labels, each with a value for every predictor of the model."""

COVERAGES = (0.1, 0.3, 0.5, 0.8, 0.99)
"""Shares of new groups inside the ellipses."""


@dataclass(frozen=True, slots=True)
class Plane:
    """Two numbers of a group that are linear in its coefficients.

    Parameters
    ----------
    labels
        What they are.
    X
        ``(2, p)`` weights of the fixed coefficients.
    Z
        ``(2, k)`` weights of the group's effects, all terms side by side.
    offset
        ``(2,)`` added to both.
    """

    labels: tuple[str, str]
    X: Floats
    Z: Floats
    offset: Floats


def shrinkage(
    result: Result, *, x: str | None = None, y: str | None = None, at: Places | None = None
) -> Columns:
    """Return where each group stands by itself and where the model puts it.

    Parameters
    ----------
    result
        A fit or posterior of a linear model with one grouping factor.
    x, y
        Names of two effects, by default the first two: the plane of coefficients.
    at
        In place of these, two labels with the values of the predictors, ``{"morning": {"afternoon": 0},
        "afternoon": {"afternoon": 1}}``: the plane of expected responses.

    Returns
    -------
    Columns group, level, n, x_none, y_none, x_partial, y_partial. *None* is `no_pooling`, blank where the
    rows of the group do not determine it; *partial* is the conditional mean, or the posterior mean.

    Raises
    ------
    OptionError
        If the model is not linear or has not exactly one grouping factor; if there are not two such effects
        or places.
    """
    own = no_pooling(result)
    plane = plane_of(result, x=x, y=y, at=at)
    none = _own_points(result, own, plane)
    beta, b, _ = _law(result)
    partial = plane.X @ beta + plane.offset + b @ plane.Z.T
    factor = result.design.factors[result.design.terms[0].factor]
    return {
        "group": [factor.name] * len(factor.levels),
        "level": list(factor.levels),
        "n": own.counts,
        "x_none": _blanks(none[:, 0]),
        "y_none": _blanks(none[:, 1]),
        "x_partial": partial[:, 0],
        "y_partial": partial[:, 1],
    }


def ellipses(
    result: Result,
    *,
    x: str | None = None,
    y: str | None = None,
    at: Places | None = None,
    coverages: Sequence[float] = COVERAGES,
) -> Columns:
    """Return the ellipses that hold given shares of new groups, in the plane of `shrinkage`.

    The estimated law of groups is bivariate normal; its ellipse of coverage ``c`` is at the Mahalanobis
    distance ``sqrt(-2 log(1 - c))``. Of a posterior: at the posterior means of coefficients and covariances.

    Returns
    -------
    Columns coverage, x, y, width, height, angle: the centre, the lengths of the whole axes, and the angle of
    the first one against the horizontal in degrees, above -90 and up to 90.
    """
    inside = np.array([check_level("coverages", coverage) for coverage in coverages])
    plane = plane_of(result, x=x, y=y, at=at)
    beta, _, D = _law(result)
    centre = plane.X @ beta + plane.offset
    values, vectors = np.linalg.eigh(plane.Z @ D @ plane.Z.T)
    turn = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))  # of a line: in (-90, 90]
    axes = 2.0 * np.sqrt(-2.0 * np.log1p(-inside))[:, None] * np.sqrt(np.maximum(values, 0.0))
    return {
        "coverage": inside,
        "x": np.full(len(inside), centre[0]),
        "y": np.full(len(inside), centre[1]),
        "width": axes[:, 1],
        "height": axes[:, 0],
        "angle": np.full(len(inside), 90.0 - (90.0 - turn) % 180.0),
    }


def plane_of(result: Result, *, x: str | None, y: str | None, at: Places | None) -> Plane:
    """Return the plane of two effects, or of expected responses at two places."""
    if at is None:
        return _plane_of_effects(result, x, y)
    if x is not None or y is not None:
        raise OptionError(
            "x or y was given beside at", allowed="two effects (x, y), or two places of the predictors (at)"
        )
    if len(at) != 2:
        raise OptionError(
            f"at={dict(at)!r} has {len(at)} places",
            allowed="two labels, each with a value for every predictor",
            remedy='at={"before": {"x": 0}, "after": {"x": 1}}',
        )
    first, second = at
    columns = dict.fromkeys(name for place in at.values() for name in place)
    for label, place in at.items():
        absent = [name for name in columns if name not in place]
        if absent:
            raise OptionError(
                f"at[{label!r}] has no value of `{absent[0]}`", allowed="the same predictors in both places"
            )
    data = {name: [place[name] for place in at.values()] for name in columns}
    rows = read_new_data(result, data, groups="typical", observation=False).rows
    offset = np.zeros(2) if rows.offset is None else rows.offset
    return Plane((first, second), rows.X, np.hstack(rows.Z), offset)


def _plane_of_effects(result: Result, x: str | None, y: str | None) -> Plane:
    """Return the plane of two effects, each with the fixed coefficient of its name."""
    design = result.design
    names = [name for block in design.terms for name in block.names]
    chosen = [name for name in (x, y) if name is not None]
    chosen += [name for name in names if name not in chosen][: 2 - len(chosen)]
    if y is not None and x is None:
        chosen.reverse()
    if len(chosen) != 2 or chosen[0] == chosen[1] or not set(chosen) <= set(names):
        shown = ", ".join(repr(name) for name in names) or "none"
        raise OptionError(
            f"shrinkage in the plane of {' and '.join(map(repr, chosen)) or 'nothing'} was asked",
            allowed=f"two different effects of the groups, which are: {shown}",
            remedy='at={"before": {"x": 0}, "after": {"x": 1}}, or the caterpillar of one effect',
        )
    X = np.array([[float(name == other) for other in design.fixed.names] for name in chosen])
    Z = np.array([[float(name == other) for other in names] for name in chosen])
    return Plane((chosen[0], chosen[1]), X, Z, np.zeros(2))


def _own_points(result: Result, own: LeastSquares, plane: Plane) -> Floats:
    """Return ``(m, 2)`` places of the groups by their own coefficients, NaN where these are not known.

    Common coefficients have no part in the plane of effects.
    """
    at = [result.design.fixed.names.index(name) for name in own.common_names]
    known = np.where(np.isnan(own.own), 0.0, own.own)
    points = known @ plane.Z.T + plane.X[:, at] @ own.common + plane.offset
    points[np.isnan(own.own) @ (plane.Z != 0.0).T] = np.nan
    return np.asarray(points)


def _law(result: Result) -> tuple[Floats, Floats, Floats]:
    """Return coefficients ``(p,)``, effects ``(m, k)`` and their covariance, all terms side by side."""
    terms = range(len(result.design.terms))
    if isinstance(result, Fit):
        effects = [modes(result, t) for t in terms]
        return result.solution.beta, np.hstack(effects), block_diag(*result.solution.covariances)
    effects = [kept_effects(result, t).mean(axis=0) for t in terms]
    spread = [covariances(result, t).mean(axis=(0, 1)) for t in terms]
    return kept_coefficients(result).mean(axis=0), np.hstack(effects), block_diag(*spread)


def _blanks(values: Floats) -> Floats | list[float | None]:
    """Return the values, with ``None`` where there is none."""
    if not np.isnan(values).any():
        return values
    return [None if np.isnan(value) else float(value) for value in values]
