"""The response bound to its family: numbers, classes and trials, refused if the family has no such values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design, FixedPart
from multilevel.design.fixed import fixed_part
from multilevel.design.matrices import Columns
from multilevel.design.scope import Factor, Floats
from multilevel.errors import DataError, DesignError, OptionError
from multilevel.model import Model


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """What a family is given of each row.

    Parameters
    ----------
    y
        ``(n,)``; class numbers of an ordinal response count from 1.
    trials
        ``(n,)`` or ``None``.
    classes
        Names of the classes of a Bernoulli or ordinal response that was not numeric; of every ordinal one.
    """

    y: Floats
    trials: Floats | None
    classes: tuple[str, ...]


def response_of(model: Model, columns: Columns, rows: NDArray[np.int64]) -> Response:
    """Return the response of the used rows.

    Parameters
    ----------
    model, columns
        What is bound.
    rows
        ``(n,)`` their numbers in the caller's table.

    Raises
    ------
    DataError
        The response is of the wrong kind for the family, or a row has a value that the family does not allow.
    OptionError
        Trials are given to a family without trials, or not given to one that has them.
    """
    family = model.family
    _check_trials(model)
    value = columns.values(model.response)
    classes: tuple[str, ...] = ()
    if isinstance(value, Factor) and family.name in ("bernoulli", "ordinal"):
        classes = value.levels
        if family.name == "bernoulli" and len(classes) != 2:
            shown = ", ".join(repr(level) for level in classes[:6])
            raise DataError(
                f"the response `{model.response}` has {len(classes)} classes: {shown}",
                allowed="two classes, 0 and 1, or a boolean column",
                remedy="family='ordinal' if the classes are ordered",
            )
        y = value.codes.astype(np.float64) + (family.name == "ordinal")
    else:
        y = response_values(model, columns)
    trials = _trials(model, columns, y.size)
    family.check(y, trials, model.response, rows)
    if family.name == "ordinal" and not classes:
        classes = tuple(str(c) for c in range(1, int(y.max()) + 1))
    return Response(y, trials, classes)


def with_response(design: Design, y: Floats) -> Design:
    """Return the design of a generalised model with another response for the used rows.

    Parameters
    ----------
    design
        As it was bound.
    y
        ``(n,)`` numbers as ``design.y`` holds them: class numbers from 1 of an ordinal response, successes
        where there are trials.

    Raises
    ------
    DataError
        If the family does not allow a value, or an ordinal response has not the classes of the design.
    DesignError
        If every value is the same.
    """
    name = design.model.response
    design.family.check(y, design.trials, name, design.rows)
    classes = int(y.max()) if design.family.name == "ordinal" else len(design.classes)
    if classes != len(design.classes):
        raise DataError(
            f"the new response `{name}` has {classes} classes; the fit has {len(design.classes)}",
            allowed="a response in which each class of the fit occurs",
            remedy="multilevel.fit for another number of classes",
        )
    changed = replace(design, y=y)
    check_information(changed)
    return changed


def response_values(model: Model, columns: Columns) -> Floats:
    """Return the response as one number in each row.

    Raises
    ------
    DataError
        The response is a factor, text, boolean or matrix.
    """
    value = columns.values(model.response)
    if isinstance(value, Factor):
        levels = ", ".join(repr(level) for level in value.levels[:6]) + (
            " ..." if len(value.levels) > 6 else ""
        )
        raise DataError(
            f"the response `{model.response}` is not numeric: it has the levels {levels}",
            allowed="one number in each row",
            remedy="a binomial or ordinal model: family='bernoulli' for two levels, 'ordinal' for ordered"
            " ones; turn it into numbers if a linear model of them is meant",
        )
    if not isinstance(value, np.ndarray) or value.ndim != 1:
        raise DataError(f"the response `{model.response}` is matrix-valued", allowed="one number in each row")
    return np.ascontiguousarray(value, dtype=np.float64)


def _check_trials(model: Model) -> None:
    """Require trials of the families that have them, and of no other."""
    if model.family.trials and not model.trials:
        raise OptionError(
            f"the {model.family.name} family was given the response `{model.response}` without trials",
            allowed="a response written prop(successes, trials)",
            remedy="family='bernoulli' for a response of 0 and 1",
        )
    if model.trials and not model.family.trials:
        raise OptionError(
            f"the response prop({model.response}, {model.trials}) was given to the family"
            f" {model.family.name!r}",
            allowed="prop(successes, trials) is for the families 'binomial' and 'beta_binomial'",
            remedy="family='binomial'",
        )


def _trials(model: Model, columns: Columns, n: int) -> Floats | None:
    """Return the trials of each row, or ``None``."""
    if not model.trials:
        return None
    try:
        return np.full(n, float(model.trials))
    except ValueError:
        pass
    value = columns.values(model.trials)
    if isinstance(value, Factor) or not isinstance(value, np.ndarray) or value.ndim != 1:
        raise DataError(f"the trials `{model.trials}` are not numeric", allowed="whole numbers from 1")
    return np.ascontiguousarray(value, dtype=np.float64)


def fixed_columns(model: Model, columns: Columns) -> tuple[FixedPart, tuple[int, ...]]:
    """Return the fixed part and the positions of its columns in the matrix of the model's formula.

    The thresholds of an ordinal response take the intercept's place: it is there, written or not, while
    columns that add nothing are looked for, and then left out.
    """
    matrix = columns.matrix(model.fixed)
    if model.family.name != "ordinal":
        return fixed_part(matrix, columns.scope)
    names, values, terms = matrix.names, matrix.values, matrix.terms
    written = "Intercept" in names
    if not written:
        names, terms = ("Intercept", *names), ((), *terms)
        values = np.asfortranarray(np.column_stack([np.ones(values.shape[0]), values]))
    part, kept = fixed_part(replace(matrix, names=names, values=values, terms=terms), columns.scope)
    rest = [at for at, name in enumerate(part.names) if name != "Intercept"]
    part = replace(
        part, names=tuple(part.names[at] for at in rest), X=np.asfortranarray(part.X[:, rest]), intercept=None
    )
    return part, tuple(kept[at] - (not written) for at in rest)


def inflation_part(model: Model, columns: Columns) -> tuple[FixedPart | None, tuple[int, ...]]:
    """Return the columns of zero inflation and the positions of those that are kept."""
    if not model.inflation:
        return None, ()
    if not model.family.counts:
        raise OptionError(
            f"zero inflation was asked of the {model.family.name} family",
            allowed="zero inflation of 'poisson', 'negative_binomial' and 'negative_binomial_linear'",
        )
    return fixed_part(columns.matrix(model.inflation), columns.scope)


def uninformative(design: Design) -> str:
    """Return in words why the response of a generalised model has no likelihood with a maximum, or ""."""
    y, name = design.y, design.model.response
    if design.family.name in ("gaussian", "student", "ordinal", "gamma", "inverse_gaussian", "beta"):
        same = bool(np.ptp(y) == 0.0)
        what = f"is the same in every row ({design.classes[0] if design.classes else format(y[0], 'g')})"
    elif design.family.trials or design.family.name == "bernoulli":
        trials = np.ones_like(y) if design.trials is None else design.trials
        same = not y.any() or bool(np.array_equal(y, trials))
        what = "is 0 in every row" if not y.any() else "is a success in every trial"
    else:
        same = not y.any()
        what = "is 0 in every row"
    return f"the response `{name}` {what}" if same else ""


def check_information(design: Design) -> None:
    """Refuse a response of which every value is the same: its likelihood has no maximum."""
    words = uninformative(design)
    if words:
        spread = design.family.parameters and not design.family.discrete
        end = "its spread to nothing" if spread else "a coefficient to infinity"
        raise DesignError(
            f"{words}: maximum likelihood would send {end}",
            allowed="a response that varies",
            remedy="check which column was read, or ml.sample with proper priors",
        )
