"""Types of the native kernels: arrays in, arrays out, bounds checked at the border.

Vectors and matrices are float64 in C order unless said otherwise; columns of designs (``X``, ``Z``) are in
Fortran order, level numbers are int32. Arrays of another memory order or numeric type are copied, unless that
would lose the imaginary part; a wrong number of dimensions or anything that is no array raises `TypeError`,
a wrong shape or a number out of range raises `ValueError`.

``n`` rows, ``p`` columns of ``X``, ``F`` factors; factor ``f`` has ``m`` levels and ``K`` effects per level;
``T`` entries of theta.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Factor = tuple[NDArray[np.int32], int, Floats, Floats, Floats]
"""Level of each row ``(n,)``, ``m``, effect columns ``(n, K)``, and their centres and factors ``(K,)``."""
PairTable = tuple[int, int, NDArray[np.int64], NDArray[np.int32], Floats]
"""``f < g``; starts ``(m_f + 1,)`` int64, levels of ``g`` ``(pairs,)``, values ``(pairs, K_f, K_g)``."""

def use_lapack(potrf: int, potri: int, trsm: int, symm: int) -> None:
    """Hand over the addresses of four LAPACK and BLAS routines; call once, before anything else."""

def cross_products(
    factors: Sequence[Factor],
    X: Floats,
    centre: Floats,
    factor: Floats,
    y: Floats,
    root: Floats | None,
    threads: int,
) -> tuple[list[Floats], list[Floats], Floats]:
    """Return by factor ``A`` ``(m, K, K)`` and ``C`` ``(m, K, p + 1)``, and ``D`` ``(p + 1, p + 1)``.

    Columns are shifted and scaled, rows multiplied by ``root``, the square roots of their weights.
    """

def response_products(
    factors: Sequence[Factor],
    X: Floats,
    centre: Floats,
    factor: Floats,
    y: Floats,
    root: Floats | None,
) -> tuple[list[Floats], Floats]:
    """Return by factor ``Z'y`` ``(m, K)``, and ``[X y]'y`` ``(p + 1,)``."""

def pair_table(
    f: Factor, g: Factor, root: Floats | None
) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
    """Return starts, levels of ``g`` and cross-products of the pairs of levels that share a row."""

def column_moments(X: Floats) -> tuple[Floats, Floats]:
    """Return mean and root mean square deviation of each column of ``X`` ``(n, p)``."""

class Problem:
    """A Gaussian likelihood as a function of theta, from cross-products in scaled columns.

    Parameters
    ----------
    p
        Columns of the fixed part.
    A, C
        By factor, ``(m, K, K)`` and ``(m, K, p + 1)``.
    D
        ``(p + 1, p + 1)``.
    pairs
        One table for each pair of factors.
    entries
        ``(theta, factor, row, column)`` of every entry of the lower triangles that a parameter fills.
    blocks
        ``(factor, start, size, kind)`` of every term; kind 0 is unstructured, 1 diagonal, 2 scalar.
    reml
        Whether the likelihood is the restricted one.
    n
        Observations, counted with their frequencies.
    known_sigma
        Residual sd, or 0 if it is estimated.
    max_core
        Effects that may be eliminated together in one dense matrix; more raise `ValueError` when asked for.
    """

    def __init__(
        self,
        p: int,
        A: Sequence[Floats],
        C: Sequence[Floats],
        D: Floats,
        pairs: Sequence[PairTable],
        entries: Sequence[tuple[int, int, int, int]],
        blocks: Sequence[tuple[int, int, int, int]],
        reml: bool,
        n: float,
        known_sigma: float,
        max_core: int,
    ) -> None: ...
    def start(self) -> Floats:
        """Return ``(T,)`` start values from moments of the groups' own estimates."""

    def evaluate(self, theta: Floats, general: bool = False) -> dict[str, Any]:
        """Return the criterion, its derivatives and the fixed part at theta; `ValueError` where undefined.

        Keys: value, gradient ``(T,)``, hessian ``(T, T)``, q ``(T,)``, beta ``(p,)``, R ``(p, p)``, r2,
        saturated. The Hessian is exact for one factor, else (and with ``general``) from the average
        information.
        """

    def value(self, theta: Floats) -> float:
        """Return the criterion, infinite where it is not defined."""

    def optimise(
        self,
        start: Floats,
        tolerance: float,
        dual_tolerance: float,
        max_evaluations: int,
        watch: Callable[[int, float, float], bool] | None,
    ) -> dict[str, Any]:
        """Return what `evaluate` gives at the optimum, and how the search ended.

        Further keys: end (0 optimal, 1 limit, 2 stalled, 3 interrupted, 4 undefined; then it is the only
        key), theta ``(T,)``, decrement, dual, gain, complementarity, block_dual ``(terms,)``, evaluations,
        trace ``(steps, 3)`` of value, decrement and step length. ``watch`` is called with evaluations, value
        and decrement; returning ``False`` ends the search.
        """

    def posterior(self, theta: Floats) -> list[tuple[Floats, Floats, Floats, Floats]]:
        """Return by factor ``B, H`` ``(m, K, p + 1)``, conditional covariances and ``E`` ``(m, K, K)``."""

    def row_variance(self, level: NDArray[np.int32], Z: Floats) -> Floats:
        """Return ``(rows,)`` variances of ``z'b`` given the data, after `posterior`.

        ``level`` is ``(rows, F)``, -1 leaves a factor out; ``Z`` is ``(rows, sum K)``.
        """

    def information_product(self, theta: Floats, w: Floats) -> Floats:
        """Return ``w'Z'V^-1 Z w`` ``(s, s)`` for ``w`` ``(sum m K, s)``, by factor and level."""

    def reductions(self, thetas: Floats, threads: int = 1) -> tuple[Floats, Floats]:
        """Return ``log|M|`` ``(n,)`` and ``[X y]'V^-1 [X y]`` ``(n, p + 1, p + 1)`` at thetas ``(n, T)``.

        ``log|M|`` is infinite where it is not defined.
        """

    def reduction_gradients(self, thetas: Floats, weights: Floats) -> list[Floats]:
        """Return by factor ``G`` ``(n, K, K)`` with ``d(log|M| + sum w S) = sum tr(G dT)`` at each theta.

        ``S`` is what `reductions` gives, ``weights`` are ``(n, p + 1, p + 1)``, ``T`` is the relative
        covariance matrix of a level's effects, which may move in every direction, also outside the terms'
        structures. NaN where ``log|M|`` is not defined.
        """

    def draw_effects(
        self, thetas: Floats, betas: Floats, sigmas: Floats, seed: int, first: int, threads: int = 1
    ) -> Floats:
        """Return ``(n, sum m K)`` draws of the effects, one for each row of thetas, betas and sigmas.

        Row i uses the random stream ``first + i`` of ``seed``, whatever the number of threads.
        """

    def replace_response(self, c: Sequence[Floats], d: Floats) -> None:
        """Put in another response: ``Z'y`` ``(m, K)`` by factor, ``[X y]'y`` ``(p + 1,)``."""

    def structure(self) -> dict[str, int]:
        """Return core_size, list_size and nodes of the elimination."""

class VaryingGroups:
    """Groups with residual sds of their own, each sd integrated out by quadrature and the effects exactly.

    The law of the sds has two parameters ``(a, b)``: ``s^2 ~ InverseGamma(shape a, scale b)``, or
    ``log s ~ Normal(mean a, sd b)``. A point is a factor ``Lambda`` of the effects' covariance matrix, any
    matrix with ``Lambda Lambda'`` equal to it, the coefficients ``gamma``, and ``(a, b)``.

    Parameters
    ----------
    effects
        Columns of ``Z``, ``K``.
    log_normal
        Whether the law is the second.
    R
        ``(m, w, w)``, ``w = K + p + 1``: upper triangular factor of each group's weighted rows ``[Z X y]``.
    rows
        ``(m,)`` rows of each group, counted with their frequencies.
    """

    def __init__(self, effects: int, log_normal: bool, R: Floats, rows: Floats) -> None: ...
    def values(self, Lambda: Floats, gamma: Floats, law: Floats, threads: int = 1) -> Floats:
        """Return ``(n,)`` log likelihoods at points ``(n, K, K)``, ``(n, p)`` and ``(n, 2)``.

        The integral of each group is good to about 1e-9. Left out are powers of ``2 pi``, weights, and
        for each group the law's constant: ``log 2 + a log b - log Gamma(a)``, or ``-log b - log(2 pi) / 2``.
        Minus infinity where it is not defined.
        """

    def gradients(
        self, Lambda: Floats, gamma: Floats, law: Floats, threads: int = 1
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Return `values`, and their gradients ``(n, K, K)``, ``(n, p)`` and ``(n, 2)``.

        The first is by the covariance matrix ``D``: symmetric ``G``, the values moving by ``tr(G dD)``.
        """

    def draws(
        self, Lambda: Floats, gamma: Floats, law: Floats, seed: int, first: int, threads: int = 1
    ) -> tuple[Floats, Floats]:
        """Return draws of ``log s`` ``(n, m)`` and of the effects ``(n, m, K)``, one for each point.

        Point i uses the random stream ``first + i`` of ``seed``, whatever the number of threads; `ValueError`
        where a point has no density.
        """

def row_derivatives(
    family: int,
    link: int,
    inflated: bool,
    y: Floats,
    trials: Floats | None,
    aux: Floats,
    rows_aux: Floats | None,
    eta: Floats,
) -> Floats:
    """Return log densities (but for a constant) with derivatives, ``(n, 4 + 3 aux)``.

    Columns: the log density and its first three derivatives by eta; for every auxiliary number the
    derivative by it, by it and eta, by it and eta twice.
    """

def response_constant(
    family: int,
    link: int,
    inflated: bool,
    n_global: int,
    y: Floats,
    trials: Floats | None,
    frequency: Floats | None,
) -> float:
    """Return the sum of what the log densities have that depends on data alone."""

class Joint:
    """Joint log density of the response and whitened group effects of a generalised linear mixed model.

    Parameters
    ----------
    family, link, inflated, n_global, y, trials, frequency, offset, X
        As for `Laplace`.
    inflation
        ``(n, q)`` columns of zero inflation in Fortran order; no columns without it.
    beta_mode
        ``(p,)`` coefficients at the mode.
    factors
        Finest first: level of each row ``(n,)``, ``m``, effect columns ``(n, K)``, weights of the rows
        ``(n,)``, their information by level ``(m, K, K)``, pulls and modes ``(m, K)``; see `FactorAnchor`.
    """

    def __init__(
        self,
        family: int,
        link: int,
        inflated: bool,
        n_global: int,
        y: Floats,
        trials: Floats | None,
        frequency: Floats | None,
        offset: Floats | None,
        X: Floats,
        inflation: Floats,
        beta_mode: Floats,
        factors: Sequence[tuple[NDArray[np.int32], int, Floats, Floats, Floats, Floats, Floats]],
    ) -> None: ...
    def evaluate(
        self, beta: Floats, inflation: Floats, aux: Floats, lambdas: Sequence[Floats], z: Floats
    ) -> tuple[float, Floats, Floats, Floats, list[Floats], Floats]:
        """Return the log density but for constants, and its derivatives in the order of the arguments.

        ``lambdas`` are by factor ``(K, K)``: effects are ``Lambda v`` with ``v`` standard normal a priori.
        """

    def effects(
        self, beta: Floats, inflation: Floats, aux: Floats, lambdas: Sequence[Floats], z: Floats
    ) -> list[Floats]:
        """Return by factor ``(m, K)`` effects."""

class JointTarget:
    """`Joint` with parameters and priors: the log density of one vector, as `JointDensity` has it.

    Parameters
    ----------
    joint
        Of response and effects.
    centre, factor
        ``(d,)`` and ``(d, d)``: the parameters' numbers are ``centre + factor @ h``.
    beta, inflation, family
        First position, numbers of those that are free, values of those that are held ``(k,)``, rows of
        priors ``(k, 8)`` as in `prior_codes`.
    to_centred
        ``(p, p)``: priors are of ``to_centred @ beta``.
    normal
        Mean ``(p,)``, precision ``(p, p)`` and constant of a joint normal prior of the coefficients;
        ``(0,)``, ``(0, 0)`` and 0 if there is none.
    ordinal
        Whether the family's numbers are a threshold and logs of steps.
    thresholds_centre
        ``(p,)``: thresholds are those of the centred columns plus ``centre @ beta``.
    priors_centre
        ``(p,)``: the thresholds' priors are of them less ``centre @ beta``; ``(0,)`` if of themselves.
    terms
        Factor, first effect, whether it stands alone, positions of the sds ``(k,)`` and those that are held,
        rows of priors, first partial correlation or -1, ``(k, k)`` factor of the correlation matrix where it
        is held, power and constant of the prior of that matrix, degrees of freedom and ``(k, k)`` scale of an
        inverse Wishart prior of the covariance matrix (``(0, 0)`` if there is none).
    """

    def __init__(
        self,
        joint: Joint,
        centre: Floats,
        factor: Floats,
        beta: tuple[int, NDArray[np.int32], Floats, Floats],
        inflation: tuple[int, NDArray[np.int32], Floats, Floats],
        family: tuple[int, NDArray[np.int32], Floats, Floats],
        to_centred: Floats,
        normal: tuple[Floats, Floats, float],
        ordinal: bool,
        thresholds_centre: Floats,
        priors_centre: Floats,
        terms: Sequence[
            tuple[
                int,
                int,
                bool,
                NDArray[np.int32],
                Floats,
                Floats,
                int,
                Floats,
                float,
                float,
                float,
                Floats,
            ]
        ],
    ) -> None: ...
    def evaluate(self, q: Floats) -> tuple[float, Floats]:
        """Return the log density but for a constant, -1e300 where there is none, and its gradient."""

    def effects(self, q: Floats) -> list[Floats]:
        """Return by factor ``(n, m, K)`` effects at ``(n, size)`` vectors."""

    address: int
    """Where it is in memory."""
    evaluations: int
    """Evaluations so far, those by address included."""
    drawn: int
    """Draws that were kept through ``expand_address``."""
    log_density_address: int
    """Of a C function of size, vector, gradient, log density, and the address of an address of this."""
    expand_address: int
    """Of a C function that copies the vector of a draw, with the same last argument."""

def set_row_folder(folder: str) -> None:
    """Keep pieces of a megabyte and more of this thread's row memory in files of a folder; "": in memory."""

def row_folder() -> str:
    """Return this thread's folder, or an empty text."""

def row_memory() -> object:
    """Return NumPy's handler of data memory that uses row memory."""

def use_array_memory(table: object, handler: object) -> object:
    """Give NumPy, by its table of functions, another handler of data memory; return the one before."""

class Laplace:
    """-2 log-likelihood of a generalised linear mixed model by Laplace's method.

    Parameters
    ----------
    family, link
        Numbers of the family and its link.
    inflated
        Whether zeros are inflated.
    n_global
        Auxiliary numbers that all rows share: dispersion, or the thresholds of an ordinal response.
    y, trials, frequency, offset
        ``(n,)``, all but the first or ``None``.
    X
        ``(n, p)`` in Fortran order.
    factors
        Level of each row ``(n,)``, ``m``, effect columns ``(n, K)`` in C order.
    pairs, entries, max_core
        As for `Problem`.
    """

    def __init__(
        self,
        family: int,
        link: int,
        inflated: bool,
        n_global: int,
        y: Floats,
        trials: Floats | None,
        frequency: Floats | None,
        offset: Floats | None,
        X: Floats,
        factors: Sequence[tuple[NDArray[np.int32], int, Floats]],
        pairs: Sequence[PairTable],
        entries: Sequence[tuple[int, int, int, int]],
        max_core: int,
    ) -> None: ...
    def evaluate(
        self, beta: Floats, theta: Floats, aux: Floats, rows_aux: Floats | None, gradient: bool = True
    ) -> dict[str, Any]:
        """Return value and inner_steps; with a finite value and ``gradient`` also its derivatives.

        Keys: beta ``(p,)``, theta ``(T,)``, aux, rows_aux ``(n,)`` or empty, G by factor ``(K, K)`` (by the
        covariance), inner_gradient.
        """

    def place(self) -> Floats:
        """Return the whitened effects by node at the last evaluation, to start searches from."""

    def effects(self) -> list[tuple[Floats, Floats]]:
        """Return by factor modes ``(m, K)`` and covariances ``(m, K, K)`` at the last gradient."""

    def eta(self) -> Floats:
        """Return ``(n,)`` linear predictors at the last evaluation."""

    def weights(self) -> Floats:
        """Return ``(n,)`` minus the second derivatives by eta at the last evaluation."""

    def information(self) -> Floats:
        """Return ``(p, p)`` ``X'V^-1 X`` at the last point, V the rows' ``W^-1 + Z T Z'``."""

    def forget(self) -> None:
        """Start the next search for the mode from zero."""

def laplace_points(
    workers: Sequence[Laplace],
    beta: Floats,
    theta: Floats,
    aux: Floats,
    rows_aux: Floats | None,
    start: Floats,
    streams: NDArray[np.int64],
    pairs: int,
    seed: int,
    keep: bool,
) -> tuple[Floats, Floats, Floats]:
    """Return values ``(n,)`` of many points, one thread for each worker; and of draws of the effects.

    With ``pairs > 0`` log weights ``(n,)``, the logs of the mean weights of the pairs of draws of the effects
    on both sides of the mode, else empty; with ``keep`` one draw of all
    effects at each point, ``(n, sum m K)``. The search for the mode of point i begins at
    ``start[i]``, of `Laplace.place`; its draws are from the stream ``streams[i]`` of ``seed``.
    """

class Metropolis:
    """Metropolis steps of the group effects of a generalised linear mixed model.

    Parameters
    ----------
    family, link, inflated, n_global, y, trials, frequency, factors
        As for `Laplace`.
    """

    def __init__(
        self,
        family: int,
        link: int,
        inflated: bool,
        n_global: int,
        y: Floats,
        trials: Floats | None,
        frequency: Floats | None,
        factors: Sequence[tuple[NDArray[np.int32], int, Floats]],
    ) -> None: ...
    def log_density(self, aux: Floats, rows_aux: Floats | None, eta: Floats) -> float:
        """Return the sum of the rows' log densities, but for a constant of the data."""

    def derivatives(self, aux: Floats, rows_aux: Floats | None, eta: Floats) -> tuple[float, Floats, Floats]:
        """Return `log_density` and its first and second derivatives by each row's eta, ``(n,)``."""

    def predictor(self, fixed: Floats, effects: Sequence[Floats]) -> Floats:
        """Return ``(n,)`` a fixed part plus the effects, by factor ``(m, K)``, times their columns."""

    def step(
        self,
        f: int,
        root: Floats,
        aux: Floats,
        rows_aux: Floats | None,
        eta: Floats,
        b: Floats,
        noise: Floats,
        log_uniform: Floats,
        pull: float,
        spread: float,
    ) -> tuple[Floats, Floats, int, int]:
        """Return effects ``(m, K)``, eta, and how many levels accepted, and how many had no density.

        With ``b = root u`` every level proposes ``u + pull H^-1 g + spread L^-T noise``, ``g`` and
        ``H = L L'`` being gradient and curvature of its log density at ``u``; ``root`` is lower triangular.
        """

class Quadrature:
    """-2 log-likelihood by adaptive quadrature over one factor's effects, about the modes of a `Laplace`.

    Parameters
    ----------
    laplace
        With one factor of up to six effects.
    points
        ``(Q, K)`` nodes of a standard normal distribution.
    log_weights
        ``(Q,)`` logs of their weights, plus half their squared lengths.
    threads
        How many to use; results do not depend on it.
    """

    def __init__(self, laplace: Laplace, points: Floats, log_weights: Floats, threads: int) -> None: ...
    def evaluate(
        self, beta: Floats, theta: Floats, aux: Floats, rows_aux: Floats | None, gradient: bool = True
    ) -> dict[str, Any]:
        """Return the keys of `Laplace.evaluate`, its value under ``laplace``; and ``by_group``.

        These are the ``(m,)`` logs of the groups' integrals, without `response_constant`; empty where
        Laplace's value is infinite at the first evaluation, else those of the last one that was not.
        """

class SchurSystem:
    """Crossed factors by a Schur complement that is never formed: ``S = I + Lambda'Z'V_1^-1 Z Lambda``.

    A chain of nested factors is eliminated exactly (``V_1`` is their covariance); ``S`` of the other factors,
    the core, is an operator. Vectors are ``(effects, s)``: a row for each effect by factor, level and effect;
    level space has the effects of all factors, the core those outside the chain in the factors' order, the
    chain its own, innermost factor first. ``Lambda`` of a factor is any root of its ``T``; spherical effects
    are ``u = M^-1 Lambda'c`` with ``M = I + Lambda'Z'Z Lambda``, effects ``Lambda u``, and ``Lambda^-T u`` is
    ``Z'V^-1`` of what ``c`` is ``Z'`` of.

    Parameters
    ----------
    A
        By factor, ``(m, K, K)``.
    pairs
        One table for each pair of factors.
    chain
        Numbers of nested factors, innermost first; `ValueError` if they are not nested.
    threads
        That may be used; results do not depend on it.
    """

    def __init__(
        self, A: Sequence[Floats], pairs: Sequence[PairTable], chain: Sequence[int], threads: int
    ) -> None: ...
    @property
    def total(self) -> int:
        """Effects of all factors."""

    @property
    def core(self) -> int:
        """Effects outside the chain."""

    @property
    def log_det_chain(self) -> float:
        """Log determinant of the chain's part of ``M``."""

    @property
    def log_det_blocks(self) -> float:
        """Sum of the log determinants of the diagonal blocks of ``S``."""

    def set_lambda(self, roots: Sequence[Floats]) -> None:
        """Set the ``(K, K)`` roots by factor; `ValueError` where ``M`` is not positive definite."""

    def reduce(self, c: Floats) -> Floats:
        """Return the right side in the core of level-space vectors ``c``."""

    def back(self, c: Floats, x: Floats) -> Floats:
        """Return ``u`` in level space from ``c`` and the solution ``x`` in the core."""

    def chain_part(self, x: Floats) -> Floats:
        """Return ``M_e^-1 Lambda_e'Z_e'Z_c Lambda_c x`` of the chain ``e`` for vectors of the core ``c``."""

    def multiply(self, x: Floats) -> Floats:
        """Return ``S x``."""

    def cross(self, v: Floats) -> Floats:
        """Return ``Z'Z v`` in level space."""

    def root_of_blocks(self, x: Floats) -> Floats:
        """Return ``L x`` with ``L`` the Cholesky factors of the diagonal blocks of ``S``."""

    def squared_couplings(self, most_work: float) -> float:
        """Return the sum of squares off the diagonal of ``S`` scaled to unit diagonal.

        -1 if a factor has several effects, the chain several factors, or it takes more products than this.
        """

    def block_roots(self) -> list[Floats]:
        """Return by core factor ``(m, K, K)`` lower Cholesky factors of the diagonal blocks of ``S``."""

    def chain_information(self) -> list[Floats]:
        """Return by chain factor sums ``(K, K)`` of ``I`` less the blocks of `chain_inverse`."""

    def chain_inverse(self) -> list[Floats]:
        """Return by chain factor ``(m, K, K)`` diagonal blocks of the inverse of its part of ``M``."""

    def solve(
        self, b: Floats, x0: Floats | None, tolerance: float, limit: int, coefficients: bool = False
    ) -> dict[str, Any]:
        """Return solutions of ``S x = b`` by conjugate gradients, preconditioned by the diagonal blocks.

        Keys: x, residual (``b - S x``), iterations ``(s,)``, relative ``(s,)`` (norm of the residual over
        that of ``b`` in the metric of the preconditioner; each column stops at the tolerance), alpha and beta
        ``(steps, s)``, the recurrences' coefficients, NaN after a column's end, empty unless asked for.
        """

class TextNumbers:
    """Texts numbered from 0 in the order in which they come."""

    def __init__(self) -> None: ...
    def numbers(self, start: NDArray[Any], bytes: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the numbers of some texts, the new ones among them added.

        ``start`` ``(n + 1,)`` int32 or int64 says where each text starts and ends in the bytes.
        """

    def texts(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return the texts in the order of their numbers, as starts and bytes."""

class Stream:
    """Sums of products by the levels of factors, of rows that come batch by batch.

    Parameters
    ----------
    columns
        Number of columns, the constant 0 among them.
    keys
        Key columns: ``("range", low, size)`` of whole numbers from ``low``, ``("codes", 0, 0)`` of numbers
        from 0 without a known bound, ``("hashed", 0, 0)`` of any whole numbers.
    factors
        By factor: its key columns, and pairs of columns whose products are summed by level, ``(0, 0)`` first.
    direct
        Pairs of columns whose products are summed over all rows.
    pairs
        ``(f, g, columns of f, columns of g)``: products summed by pairs of levels.
    """

    def __init__(
        self,
        columns: int,
        keys: Sequence[tuple[str, int, int]],
        factors: Sequence[tuple[Sequence[int], Sequence[tuple[int, int]]]],
        direct: Sequence[tuple[int, int]],
        pairs: Sequence[tuple[int, int, Sequence[int], Sequence[int]]],
    ) -> None: ...
    def add(
        self,
        columns: Sequence[tuple[NDArray[Any], float, float]],
        keys: Sequence[NDArray[Any]],
        rows: int,
        root: Floats | None,
    ) -> None:
        """Add rows: all columns but the constant as ``(values, centre, factor)``, keys as whole numbers.

        Columns and keys are taken in their own numeric type. Rows with a NaN are left out.
        """

    def merge(self, other: Stream, codes: Sequence[NDArray[np.int64] | None]) -> None:
        """Add the sums of another stream of the same plan, which is empty then.

        ``codes`` has, for each key column of codes, what each code of the other stream is here.
        """

    def counts(self) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows added, and by column the numbers of NaNs and of infinite values."""

    def factor(self, f: int) -> tuple[list[NDArray[np.int64]], Floats]:
        """Return keys ``(m,)`` by key column, and sums ``(m, products)``, of the levels that have rows."""

    def pair(self, number: int) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
        """Return the levels of ``f`` and of ``g``, numbered as in `factor`, and sums ``(n, K_f, K_g)``.

        Only once: the sums are gone then.
        """

    def direct(self) -> Floats:
        """Return the sums over all rows."""
