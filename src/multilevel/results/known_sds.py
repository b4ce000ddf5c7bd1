"""Known sds of grouped terms: those that a graph has, and those that the keyword ``known`` gives."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from multilevel.engines.solution import EM_METHODS, Method
from multilevel.errors import OptionError
from multilevel.model import Covariance, Model
from multilevel.model.text import split_terms, term_text

Known = Mapping[str, Mapping[str, float]]
"""``{"friend": {"sd": 2.0}}``."""
SERIAL = (Covariance.AUTOREGRESSIVE, Covariance.RANDOM_WALK)
FORM = '{"friend": {"sd": 2.0}}, a positive number for each grouping factor'


def check_known(known: object) -> dict[str, dict[str, float]] | None:
    """Return known sds as plain numbers, or raise `OptionError` if they have another form."""
    if known is None:
        return None
    if not isinstance(known, Mapping) or not known or not all(isinstance(name, str) for name in known):
        raise OptionError(f"known={known!r} names no sds", allowed=FORM)
    found = {}
    for name, inner in known.items():
        sd = inner.get("sd") if isinstance(inner, Mapping) and set(inner) == {"sd"} else None
        number = isinstance(sd, int | float | np.number) and not isinstance(sd, bool)
        if not number or not 0.0 < float(sd) < math.inf:  # type: ignore[arg-type]
            meant = isinstance(inner, int | float) and not isinstance(inner, bool) and 0.0 < inner < math.inf
            raise OptionError(
                f"known[{name!r}]={inner!r} is no known sd",
                allowed=FORM,
                remedy=f'known={{{name!r}: {{"sd": {inner!r}}}}}' if meant else "",
            )
        found[name] = {"sd": float(sd)}  # type: ignore[arg-type]
    return found


def known_sds(
    model: Model, known: Known | None, *, method: Method, ddf: str
) -> tuple[float | None, ...] | None:
    """Return for each grouped term its known sd or ``None``; ``None`` if none is known.

    Parameters
    ----------
    model
        A model; the nodes of its graph may have known numbers as sds.
    known
        The keyword, by the names of the priors: a grouping factor; ``"g[1]"``, ``"g[2]"`` if it has several
        terms.
    method, ddf
        Of the fit.

    Raises
    ------
    OptionError
        A name means no term, the term has several effects or has its sd in the graph, or the method or the
        family cannot have known sds.

    Examples
    --------
    >>> from multilevel.language import parse_formula
    >>> model = parse_formula("y ~ 1 + (1 | g) + (1 | h)")
    >>> known_sds(model, {"h": {"sd": 2}}, method="reml", ddf="none")
    (None, 2.0)
    """
    found: list[float | None] = [None] * len(model.groups)
    for node in model.dag.nodes if model.dag is not None else ():
        fixed = next((sd for sd in node.sds if isinstance(sd, float)), None)
        if fixed is not None and len(node.components) > 1:
            raise OptionError(
                f"the sd of a component of `{node.name}` is the known number {fixed:g}",
                allowed="known sds of nodes of one number; multilevel.sample, with every engine",
                remedy="multilevel.sample, or a name for the sd, which is then estimated",
            )
        found[node.term] = fixed
    names = _names(model)
    for name, inner in (known or {}).items():
        if name not in names:
            raise OptionError(
                f"known: {name!r} names no grouped term",
                allowed=", ".join(repr(one) for one in names) or "no term: the model has none",
            )
        at = names.index(name)
        _check_term(model, at, name, found[at])
        found[at] = float(inner["sd"])
    if all(sd is None for sd in found):
        return None
    _check_fit(model, method, ddf)
    return tuple(found)


def _names(model: Model) -> list[str]:
    """Return the name of each grouped term among the priors."""
    groups = [term.group for term in model.groups]
    return [
        name if groups.count(name) == 1 else f"{name}[{groups[: at + 1].count(name)}]"
        for at, name in enumerate(groups)
    ]


def _check_term(model: Model, at: int, name: str, written: float | None) -> None:
    """Raise if the term has several effects, or its sd is a number already."""
    term = model.groups[at]
    if written is not None:
        raise OptionError(
            f"known[{name!r}] is given, and the graph has its own: {written:g}",
            allowed="one of the two",
            remedy="leave it out of known=",
        )
    if len([effect for effect in split_terms(term.effects) if effect != "0"]) > 1:
        raise OptionError(
            f"known[{name!r}]: the term `{term_text(term)}` has several effects",
            allowed="known sds of terms with one effect",
            remedy="multilevel.sample with the prior Fixed(sd)",
        )


def _check_fit(model: Model, method: Method, ddf: str) -> None:
    """Raise if the fit cannot have known sds."""
    if not model.family.is_linear or method in EM_METHODS:
        what = f"method={method!r}" if model.family.is_linear else f"the {model.family.name} family"
        raise OptionError(
            f"the sd of a grouped term is a known number, with {what}",
            allowed="linear models by 'reml' and 'ml'; multilevel.sample with the prior Fixed(sd)",
            remedy="method='reml'" if model.family.is_linear else "multilevel.sample",
        )
    serial = next((term for term in model.groups if term.covariance in SERIAL), None)
    if serial is not None:
        raise OptionError(
            f"the sd of a grouped term is a known number, beside `{term_text(serial)}`",
            allowed="terms whose effects are not successive times",
            remedy="leave that term out, or let all sds be estimated",
        )
    if ddf == "kenward-roger":
        raise OptionError(
            "ddf='kenward-roger' was asked of a fit with known sds of nodes",
            allowed="'satterthwaite', 'none'",
            remedy="ddf='satterthwaite'",
        )
