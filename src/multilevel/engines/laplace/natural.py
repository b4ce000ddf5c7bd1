"""From the optimiser's vector to coefficients, zero inflation and family numbers as they are reported."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.laplace.problem import LaplaceProblem

Floats = NDArray[np.float64]


def natural_jacobian(problem: LaplaceProblem, x: Floats) -> Floats:
    """Return the derivative of the reported numbers by the vector.

    Parameters
    ----------
    problem
        The problem.
    x
        A vector.

    Returns
    -------
    ``(d, d)`` for the ``d`` numbers before the covariance parameters: coefficients of the user's columns,
    coefficients of zero inflation, then parameters of the family, or thresholds of the uncentred columns.
    """
    here, scaling = problem.places, problem.layout.scaling.fixed
    J = np.zeros((here.theta.start, here.theta.start))
    J[here.coefficients, here.coefficients] = scaling.back
    J[here.inflation, here.inflation] = problem.layout.inflation.back
    aux = x[here.auxiliary]
    if problem.design.family.name != "ordinal":
        J[here.auxiliary, here.auxiliary] = np.diag(np.exp(aux))
        return J
    steps = np.concatenate([[1.0], np.exp(aux[1:])])
    J[here.auxiliary, here.auxiliary] = np.tril(np.broadcast_to(steps, (aux.size, aux.size)))
    J[here.auxiliary, here.coefficients] = scaling.centre @ scaling.back
    return J
