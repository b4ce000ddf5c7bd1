"""The whitelist: every function that a formula may call, as data, with what its arguments may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Gives = Literal["column", "columns", "factor"]
"""What a call gives: one number a row, several numbers a row (a basis), or a coded factor."""

Coding = Literal["treatment", "sas", "sum", "helmert", "diff", "poly"]

Accepts = Literal[
    "count",
    "positive",
    "number",
    "flag",
    "flag or number",
    "numbers",
    "level",
    "levels",
    "choice",
    "contrast",
]

ACCEPTS: Mapping[Accepts, str] = {
    "count": "a whole number from 0 to 1000",
    "positive": "a whole number from 1 to 1000",
    "number": "a number",
    "flag": "True or False",
    "flag or number": "True, False or a number",
    "numbers": "a list of numbers, as in [1, 2.5]",
    "level": "one level: a text in quotes or a number",
    "levels": 'a list of levels, as in ["a", "b"]',
    "choice": "one of the listed words, in quotes",
    "contrast": 'a contrast, as in contr.sum or contr.treatment("b")',
}
"""What each kind of option accepts, in words; error messages quote them."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a function: a constant after the data argument.

    Parameters
    ----------
    name
        Its keyword.
    accepts
        Which constants it takes (see `ACCEPTS`).
    choices
        The words that it takes if ``accepts`` is "choice".
    keyword_only
        Whether it must be written with its keyword.
    """

    name: str
    accepts: Accepts
    choices: tuple[str, ...] = ()
    keyword_only: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function that a formula may call: ``name(data, option, ..., option=...)``.

    Parameters
    ----------
    name
        Its name in formulas.
    options
        Its options, in the order in which they may follow the data argument without their keywords.
    gives
        "column" may stand inside another call; "columns" and "factor" must be a whole term.
    stateful
        Whether it remembers numbers of the rows on which it was first evaluated (a mean, knots) and uses
        them again for new rows.
    """

    name: str
    options: tuple[Option, ...] = ()
    gives: Gives = "column"
    stateful: bool = False


@dataclass(frozen=True, slots=True)
class Contrast:
    """A way to code a factor, the second argument of ``C()``; written bare or as a call with options.

    Parameters
    ----------
    name
        Its name in formulas.
    coding
        Which coding it means; the two spellings of one coding share it.
    options
        As in `Function`; there is no data argument.
    """

    name: str
    coding: Coding
    options: tuple[Option, ...] = ()


_EXTRAPOLATIONS = ("raise", "clip", "na", "zero", "extend")
_BOUNDS = (Option("lower_bound", "number"), Option("upper_bound", "number"))
_CUBIC = (
    Option("df", "positive"),
    Option("knots", "numbers"),
    *_BOUNDS,
    Option("constraints", "choice", ("center",)),
    Option("extrapolation", "choice", _EXTRAPOLATIONS, keyword_only=True),
)
_ELEMENTWISE = ("log", "log2", "log10", "log1p", "exp", "expm1", "sqrt", "abs", "sin", "cos", "tan", "I")

FUNCTIONS: Mapping[str, Function] = {
    **{name: Function(name) for name in _ELEMENTWISE},
    "center": Function("center", stateful=True),
    "scale": Function(
        "scale",
        (Option("center", "flag or number"), Option("scale", "flag or number"), Option("ddof", "count")),
        stateful=True,
    ),
    "poly": Function(
        "poly", (Option("degree", "positive"), Option("raw", "flag")), gives="columns", stateful=True
    ),
    "bs": Function(
        "bs",
        (
            Option("df", "positive"),
            Option("knots", "numbers"),
            Option("degree", "count"),
            Option("include_intercept", "flag"),
            *_BOUNDS,
            Option("extrapolation", "choice", _EXTRAPOLATIONS),
        ),
        gives="columns",
        stateful=True,
    ),
    "cr": Function("cr", _CUBIC, gives="columns", stateful=True),
    "cc": Function("cc", _CUBIC, gives="columns", stateful=True),
    "C": Function(
        "C",
        (Option("contrasts", "contrast"), Option("levels", "levels", keyword_only=True)),
        gives="factor",
    ),
}
"""Every function of formulas by name; signatures are those of formulaic 1.2."""

_HELMERT = (Option("reverse", "flag"), Option("scale", "flag"))

CONTRASTS: Mapping[str, Contrast] = {
    contrast.name: contrast
    for contrast in (
        Contrast("contr.treatment", "treatment", (Option("base", "level"),)),
        Contrast("contr.SAS", "sas", (Option("base", "level"),)),
        Contrast("contr.sum", "sum"),
        Contrast("contr.helmert", "helmert", _HELMERT),
        Contrast("contr.diff", "diff", (Option("backward", "flag"),)),
        Contrast("contr.poly", "poly", (Option("scores", "numbers"),)),
        Contrast("Treatment", "treatment", (Option("reference", "level"),)),
        Contrast("Sum", "sum"),
        Contrast("Helmert", "helmert", _HELMERT),
        Contrast("Diff", "diff", (Option("backward", "flag"),)),
        Contrast("Poly", "poly", (Option("scores", "numbers"),)),
    )
}
"""The contrasts that ``C()`` takes: R's names and formulaic's short ones."""

STRUCTURES: tuple[str, ...] = ("us", "diag", "homdiag", "cs", "ar1", "rw1")
"""Words that may stand before a grouped term to choose its covariance."""

SERIAL: tuple[str, ...] = ("ar1", "rw1")
"""Those of effects at successive times, which stand in one column."""

HINTS: Mapping[str, str] = {
    "prop": "successes out of trials are a response: prop(successes, trials) ~ ...",
    "cbind": "write `prop(successes, trials)` with family='binomial'; trials = successes + failures",
    "factor": "a text column is a factor by itself; `C(x)` makes one of numbers",
    "s": "write `cr(x, df=5)` or `bs(x, df=5)` for a spline",
    "ns": "write `cr(x, df=5)` or `bs(x, df=5)` for a spline",
    "cs": "write `cr(x, df=5)` or `bs(x, df=5)` for a spline",
    "standardize": "write `scale(x)`",
    "pow": "write `I(x ** 2)`",
    "Q": "put the name in backticks",
    **dict.fromkeys(
        ("Normal", "MVNormal", "Bernoulli", "Binomial", "Poisson"),
        "statements with distributions are a graph: multilevel.graph(...)",
    ),
}
"""Functions that other programs know, and what to write instead."""
