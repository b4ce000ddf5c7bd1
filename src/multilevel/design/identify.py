"""Whether the model can be estimated from these data; if not, an error that says why and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import itemgetter

import numpy as np

from multilevel.design.design import Design, EffectsTerm, GroupFactor
from multilevel.design.matrices import Matrix
from multilevel.design.rank import dependent_columns
from multilevel.design.reuse import warn_of_reused_labels
from multilevel.design.scope import Floats, Ints
from multilevel.errors import DesignError, GroupingWarning, warn
from multilevel.model import Covariance, Model
from multilevel.model.text import term_text

_MOST_PRODUCTS = 2.5e8
"""Most numbers in the cross-products of the times of all groups: 2 GB."""


def check_design(design: Design, *, fewest_levels: int = 2) -> None:
    """Refuse a design from which the model cannot be estimated; warn of one that looks unintended.

    Parameters
    ----------
    design
        The design.
    fewest_levels
        Of a grouping factor: 2, or 1 where priors say what one level cannot (`check_single_levels`).

    Raises
    ------
    DesignError
        Too few rows or levels, a constant response, a grouping factor whose levels are coefficients too,
        effects that cannot be told apart.

    Warns
    -----
    GroupingWarning
        More covariance parameters than levels; labels that begin again inside each level of another factor.
    """
    _check_counts(design)
    _check_spread(design)
    for term, grouped in zip(design.terms, design.model.groups, strict=True):
        factor = design.factors[term.factor]
        text = f"`{term_text(grouped)}`"
        if term.covariance.serial:
            _check_serial(design, term, factor, text)
            continue
        _check_levels(design, term, factor, text, fewest_levels)
        _check_effects(design, term, text)
        if len(factor.levels) > 1:
            _check_absorbed(design, term, factor, text)
    _check_same_partition(design)
    warn_of_reused_labels(design)


def check_sizes(design: Design, *, fewest_levels: int = 2) -> None:
    """Refuse too few rows or levels; all that `check_design` asks of a design without looking at its rows.

    Raises
    ------
    DesignError
        Saying how many there are.
    """
    _check_counts(design)
    for term, grouped in zip(design.terms, design.model.groups, strict=True):
        factor = design.factors[term.factor]
        _check_levels(design, term, factor, f"`{term_text(grouped)}`", fewest_levels)


def n_covariance_parameters(term: EffectsTerm) -> int:
    """Return the free parameters of a term's covariance matrix."""
    k = len(term.names)
    return {
        Covariance.UNSTRUCTURED: k * (k + 1) // 2,
        Covariance.DIAGONAL: k,
        Covariance.SCALAR: min(k, 1),
        Covariance.COMPOUND_SYMMETRIC: min(k, 2),
        Covariance.AUTOREGRESSIVE: min(k, 2),
        Covariance.RANDOM_WALK: min(k, 1),
    }[term.covariance]


def _check_counts(design: Design) -> None:
    """Require at least as many rows as parameters."""
    p = len(design.fixed.names)
    variances = sum(n_covariance_parameters(term) for term in design.terms)
    residual = _residual_parameters(design)
    if design.n_observations < p + variances + residual:
        kinds = [f"{p} {'coefficient' if p == 1 else 'coefficients'}", f"{variances} of the group effects"]
        kinds += [
            "the residual sd" if design.family.is_linear else f"{residual} of the response's distribution"
        ] * (residual > 0)
        left_out = design.n_input - design.n_rows
        raise DesignError(
            f"{design.n_observations:g} {'row' if design.n_observations == 1 else 'rows'}, "
            f"{p + variances + residual} parameters ({', '.join(kinds)})"
            + (f"; {left_out} rows were left out" if left_out else ""),
            allowed="at least as many rows as parameters",
            remedy="leave terms out of the formula" + _widest_factor(design.fixed.names),
        )


def _residual_parameters(design: Design) -> int:
    """Return how many parameters the distribution of the response has besides its mean."""
    if design.family.is_linear:
        return int(design.residual_sd is None)
    if design.family.name == "ordinal":
        return len(design.classes) - 1
    extra = 0 if design.inflation is None else len(design.inflation.names)
    return len(design.family.parameters) + extra


def _widest_factor(names: Sequence[str]) -> str:
    """Return advice on a factor that makes up most of the coefficients, as numbers read as text do."""
    counts = Counter(name.partition("[")[0] for name in names if "[" in name)
    name, count = max(counts.items(), key=itemgetter(1), default=("", 0))
    if 2 * count < len(names) or count < 10:
        return ""
    return f"; `{name}` alone has {count} coefficients, one for each label: should it be numbers?"


def _check_spread(design: Design) -> None:
    """Require a response of a linear model that varies, unless the residual sd is known."""
    if not design.family.is_linear:
        return
    y = design.y if design.offset is None else design.y - design.offset
    size = float(np.abs(design.y).max()) if y.size else 0.0
    if y.size and design.residual_sd is None and float(np.ptp(y)) <= 4 * np.finfo(float).eps * size:
        minus = "" if design.offset is None else " minus its offset"
        raise DesignError(
            f"the response `{design.model.response}`{minus} is constant ({float(y[0])!r})",
            allowed="a response that varies",
            remedy="check which column was read",
        )


def _check_serial(design: Design, term: EffectsTerm, factor: GroupFactor, text: str) -> None:
    """Require a linear model, and room; one series is enough, and one row for each time of it."""
    column = "" if term.times is None else term.times.column
    if not design.family.is_linear:
        raise DesignError(
            f"{text} is a serial structure, and the response is {design.family.name}",
            allowed="serial structures in models of a gaussian response",
            remedy=f"write intercepts: `(1 | {factor.name}) + (1 | {factor.name}:{column})`",
        )
    size = len(factor.levels) * len(term.names) ** 2
    if size > _MOST_PRODUCTS:
        raise DesignError(
            f"{text} has {len(term.names)} times in {len(factor.levels)} groups; their cross-products would"
            f" take {8e-9 * size:.0f} GB",
            allowed=f"{8e-9 * _MOST_PRODUCTS:.0f} GB",
            remedy=f"round `{column}` to a coarser unit",
        )


def _check_levels(design: Design, term: EffectsTerm, factor: GroupFactor, text: str, fewest: int) -> None:
    """Require enough levels, and fewer effects than rows."""
    m, k = len(factor.levels), len(term.names)
    if k == 0:
        raise DesignError(f"{text} has no effects", remedy="write `(1 | ...)` for an intercept")
    if m < fewest:
        raise too_few_levels(factor, text)
    if design.family.is_linear and design.residual_sd is None and m * k >= design.n_observations:
        raise DesignError(
            f"{text} has {m * k} effects ({m} levels of `{factor.name}`, {k} for each) and there are "
            f"{design.n_observations:g} rows; the residual variance cannot be told apart from theirs",
            allowed="fewer effects than rows",
            remedy="leave effects out, or give the residual sd if it is known: residual_sd=..."
            if k == 1
            else "leave effects out of the term",
        )
    parameters = n_covariance_parameters(term)
    if parameters > m > 1:
        warn(
            f"{text} has {parameters} covariance parameters and `{factor.name}` has {m} levels; their "
            f"estimates will be poor. Try independent effects: `(... || {factor.name})`",
            GroupingWarning,
        )


def too_few_levels(factor: GroupFactor, text: str) -> DesignError:
    """Return the error of a grouping factor of one level."""
    return DesignError(
        f"{single_level(factor, text)}; the variance between levels cannot be estimated",
        allowed="two levels or more",
        remedy="leave the term out of the formula",
    )


def single_level(factor: GroupFactor, text: str) -> str:
    """Return that the factor of a term has one level, and which."""
    return f"the grouping factor `{factor.name}` of {text} has 1 level ({factor.levels[0]!r})"


def _check_effects(design: Design, term: EffectsTerm, text: str) -> None:
    """Refuse effects of one term that cannot be told apart: their variances would be arbitrary."""
    if set(term.names) <= set(design.fixed.names):
        return
    one = term.names.index("Intercept") if "Intercept" in term.names else None
    centred = [] if one is None else [at for at in range(len(term.names)) if at != one]
    for found in dependent_columns(term.Z, constant=one, centred=centred):
        name = term.names[found.column]
        if not found.columns and found.constant == 0.0:
            raise DesignError(
                f"the effect `{name}` of {text} is zero in every row", remedy="leave it out of the term"
            )
        others = [term.names[at] for at in found.columns]
        if abs(found.constant) > 1e-9 * float(np.abs(term.Z[:, found.column]).max()):
            others = ["Intercept", *others]
        if term.covariance is Covariance.UNSTRUCTURED or len(others) == 1:
            raise indistinct(name, text, others)


def indistinct(name: str, text: str, others: Sequence[str]) -> DesignError:
    """Return the error of an effect that is a combination of others of its term."""
    return DesignError(
        f"the effect `{name}` of {text} is a combination of {', '.join(f'`{o}`' for o in others)}; "
        "their variances cannot be told apart",
        remedy=f"leave `{name}` out of the term",
    )


def _check_absorbed(design: Design, term: EffectsTerm, factor: GroupFactor, text: str) -> None:
    """Refuse a group effect whose every value is a combination of the fixed part's columns."""
    X, m = design.fixed.X, len(factor.levels)
    if m > X.shape[1]:
        return
    basis = np.linalg.qr(X / np.sqrt((X * X).sum(axis=0)))[0]
    for at, name in enumerate(term.names):
        if _is_absorbed(basis, factor.index, m, term.Z[:, at]):
            raise absorbed(factor, name, text)


def absorbed(factor: GroupFactor, name: str, text: str) -> DesignError:
    """Return the error of a group effect whose values are coefficients too."""
    what = f"the {len(factor.levels)} levels of `{factor.name}`"
    what += "" if name == "Intercept" else f" and their slopes of `{name}`"
    return DesignError(
        f"{what} are coefficients of the fixed part too, so {text} has nothing left to vary: its "
        f"variance of `{name}` is not identified",
        allowed="each level as a coefficient or as a group effect",
        remedy=f"leave `{factor.name}` out of the fixed part, or {text} out of the formula",
    )


def _is_absorbed(basis: Floats, index: Ints, m: int, z: Floats) -> bool:
    """Whether ``z`` restricted to each level lies in the span of an orthonormal basis."""
    captured = np.zeros(m)
    for column in basis.T:
        captured += np.bincount(index, weights=column * z, minlength=m) ** 2
    total = np.bincount(index, weights=z * z, minlength=m)
    return bool((captured >= (1.0 - 1e-8) * total).all())


def _check_same_partition(design: Design) -> None:
    """Refuse two grouping factors that group the rows in the same way and vary the same effect."""
    seen: list[tuple[EffectsTerm, GroupFactor]] = []
    for term in design.terms:
        factor = design.factors[term.factor]
        for other_term, other in seen:
            shared = set(term.names) & set(other_term.names)
            if other is not factor and shared and _same_partition(factor, other):
                raise same_partition(other, factor, min(shared))
        seen.append((term, factor))


def same_partition(one: GroupFactor, other: GroupFactor, effect: str) -> DesignError:
    """Return the error of two factors that group the rows in the same way."""
    return DesignError(
        f"`{one.name}` and `{other.name}` group the rows in the same way ({len(one.levels)} levels); the "
        f"variances of `{effect}` between their levels cannot be told apart",
        remedy="leave one of the two terms out",
    )


def _same_partition(a: GroupFactor, b: GroupFactor) -> bool:
    """Whether two factors have the same rows in each level."""
    if len(a.levels) != len(b.levels):
        return False
    partner = np.empty(len(a.levels), dtype=np.int32)
    partner[a.index] = b.index
    return bool((partner[a.index] == b.index).all())


def nothing_to_vary(effect: str, text: str) -> DesignError:
    """Return the error of a factor of one level among the effects of a term."""
    return DesignError(
        f"the effect `{effect}` of {text} has one level and nothing to vary",
        remedy=f"leave `{effect}` out of the term",
    )


def check_coding(model: Model, at: int, matrix: Matrix, *, estimable: bool = True) -> None:
    """Check how the factors among the effects of a grouped term are coded.

    With ``estimable`` false, factors of one level pass: other rows may have more.

    Raises
    ------
    DesignError
        A factor has one level, so that it has no effect beside the intercept.

    Warns
    -----
    GroupingWarning
        ``(f || g)`` gives each coded column of the factor ``f`` a variance of its own.
    """
    term = model.groups[at]
    if matrix.empty and estimable:
        raise nothing_to_vary(matrix.empty[0], f"`{term_text(term)}`")
    end = model.groups[at + 1].position if at + 1 < len(model.groups) else len(model.text)
    if term.covariance is not Covariance.DIAGONAL or not matrix.categorical:
        return
    if "||" not in model.text[term.position : max(end, term.position)]:
        return
    warn(
        f"`{term_text(term)}` has a factor on the left of `||`: each of its coded columns gets a variance of "
        "its own and no correlations, so the model depends on the coding (lme4 would keep the factor's "
        f"correlations). Write `diag({term.effects} | {term.group})` to say that this is meant",
        GroupingWarning,
    )
