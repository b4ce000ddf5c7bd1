"""What facts forbid: missing and infinite values, weights below zero, no rows; told like rows in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from multilevel.design.blueprint import Outline
from multilevel.design.sizes import require_size
from multilevel.errors import DataError, DesignError, MissingValuesWarning, warn
from multilevel.moments.products import RESPONSE, Facts, Products

WEIGHTS = ("precision_weights", "frequency_weights")


def check_facts(outline: Outline, facts: Facts) -> None:
    """Refuse a source whose rows cannot be used.

    Raises
    ------
    DataError
        A value is infinite or a weight negative, a column is missing throughout, a value is missing where
        it may not be, or no row is left.
    DesignError
        The response is constant.
    """
    if facts.n_input == 0:
        raise DataError("the table has no rows", remedy="check the file or the filter that made it")
    _check_infinite(outline, facts)
    _check_missing(outline, facts)
    _check_weights(outline, facts)
    if facts.n_used == 0 and not facts.sampled:
        listed = ", ".join(f"`{name}` {count}" for name, count in facts.missing.items()) or "weights of zero"
        raise DataError(
            f"no rows are left: all {facts.n_input} have a missing value or weight zero (missing: {listed})",
            remedy="leave a column out of the formula, or fill its missing values",
        )
    for name, low in facts.low.items() if facts.n_used else ():
        if name not in WEIGHTS:
            what = f"the response `{outline.response}`" if name == RESPONSE else f"`{name}`"
            require_size(what, np.array([low, facts.high[name]]))
    if not facts.sampled and facts.low[RESPONSE] == facts.high[RESPONSE] and outline.residual_sd is None:
        raise constant_response(outline, facts.low[RESPONSE])


def constant_response(outline: Outline, value: float) -> DesignError:
    """Return the error of a response that does not vary."""
    minus = " minus its offset" if outline.offsets else ""
    return DesignError(
        f"the response `{outline.model.response}`{minus} is constant ({float(f'{value:.12g}')!r})",
        allowed="a response that varies",
        remedy="check which column was read",
    )


def _check_infinite(outline: Outline, facts: Facts) -> None:
    """Refuse infinite values of columns, and expressions that are not finite."""
    for name, count in facts.infinite.items():
        if name in outline.needed:
            raise DataError(
                f"the column `{name}` is infinite in {count} of {facts.n_input} rows",
                allowed="finite numbers, or missing values",
                remedy="replace it by a number or a missing value",
            )
    for name, count in facts.infinite.items():
        if name in WEIGHTS:
            raise bad_weights(outline, name, f"not a finite number in {count} of {facts.n_input} rows")
        text = outline.response if name == RESPONSE else name
        raise DataError(
            f"`{text}` is not a finite number in {count} of {facts.n_used} rows",
            remedy="check the range of its columns, or leave those rows out",
        )


def _check_missing(outline: Outline, facts: Facts) -> None:
    """Refuse missing values that may not be."""
    for option, name in outline.weighing:
        if facts.missing.get(name):
            found = f"missing in {facts.missing[name]} of {facts.n_input} rows"
            raise bad_weights(outline, "frequency_weights" if option == WEIGHTS[1] else WEIGHTS[0], found)
    empty = [name for name, count in facts.missing.items() if count == facts.n_input]
    if empty:
        raise DataError(
            "every value is missing in " + ", ".join(f"the column `{name}`" for name in empty),
            remedy="leave it out of the formula, or check how the table was read",
        )
    if outline.missing == "drop" or not facts.missing:
        return
    for name, count in facts.missing.items():
        if outline.missing == "error" or name in outline.grouping:
            kind = "grouping column" if name in outline.grouping else "column"
            raise DataError(
                f"the {kind} `{name}` is missing in {count} of {facts.n_input} rows",
                remedy='fill them, or leave those rows out with missing="drop"',
            )


def report_missing(outline: Outline, facts: Facts, products: Products) -> None:
    """Refuse or warn of missing values that only the pass over all rows has counted.

    Raises
    ------
    DataError
        As `check_facts`.

    Warns
    -----
    MissingValuesWarning
        With ``missing="report"``, once, with a count for each column.
    """
    _check_missing(outline, replace(facts, missing=products.missing))
    if outline.missing == "report" and products.missing:
        lost = products.n_input - products.n_rows if facts.sampled else facts.lost
        listed = ", ".join(f"{name} {count}" for name, count in products.missing.items())
        warn(
            f"{lost} of {products.n_input} rows left out because of missing values: {listed};"
            ' missing="drop" leaves them out silently, missing="error" refuses',
            MissingValuesWarning,
        )


def bad_weights(outline: Outline, name: str, found: str) -> DataError:
    """Return the error of weights, or of the residual sds behind them, that may not be."""
    option = name if name == "frequency_weights" else outline.precision_option
    if option == "residual_sd":
        return DataError(f"`residual_sd` is {found}", allowed="finite positive numbers")
    allowed = "finite numbers that are zero or positive; a row with weight zero is left out"
    return DataError(f"`{option}` is {found}", allowed=allowed)


def _check_weights(outline: Outline, facts: Facts) -> None:
    """Refuse weights that are negative, or zero everywhere."""
    for name in WEIGHTS:
        low, high = facts.low.get(name, 1.0), facts.high.get(name, 1.0)
        if low < 0.0:
            is_sd = name == "precision_weights" and outline.precision_option == "residual_sd"
            raise bad_weights(outline, name, "negative in some row" if is_sd else f"{low:g} in some row")
        if high == 0.0:
            raise DataError(f"`{name}` is zero in every row", allowed="a positive weight in some rows")
