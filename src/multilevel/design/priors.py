"""What the user wrote about priors, bound to the names of a design; defaults for what was not written."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from multilevel.data.names import nearest_names
from multilevel.design.bound_priors import BoundPriors, TermPriors
from multilevel.design.default_priors import brms_priors, rstanarm_priors, scaled_priors
from multilevel.design.design import Design
from multilevel.design.family_defaults import family_defaults
from multilevel.design.family_places import family_words, with_family
from multilevel.design.prior_places import as_positive, as_scalar, as_variance, named
from multilevel.design.residual_priors import residual_law
from multilevel.design.term_priors import bind_term
from multilevel.errors import OptionError
from multilevel.model.priors import MVNormal, ScalarPrior
from multilevel.model.text import term_text

Priors = Mapping[str, object] | Literal["default", "brms", "rstanarm"] | None
DEFAULTS: Mapping[str, Callable[[Design], BoundPriors]] = {
    "default": scaled_priors,
    "brms": brms_priors,
    "rstanarm": rstanarm_priors,
}
RESERVED = ("fixed", "sigma", "sigma2", "default")


def bind_priors(design: Design, priors: Priors = None) -> BoundPriors:
    """Return the prior of every parameter of a design.

    Parameters
    ----------
    design
        What is fitted.
    priors
        ``None`` or "default" for `scaled_priors`, "brms", "rstanarm", or a dictionary; what it does not name
        has the default prior. Its keys:

        - ``"default"``: whose defaults those are, "default", "brms" or "rstanarm";
        - a coefficient's name as in ``FixedPart.names`` (in backticks if it is also one of the words below or
          a grouping factor): a prior of one number, of the coefficient itself, the intercept too;
        - ``"fixed"``: the same for every coefficient not named, the intercept included; or an `MVNormal` of
          all coefficients in their order;
        - ``"sigma"`` or ``"sigma2"``: a positive prior of the residual sd, or of its square; where groups
          have residual sds of their own, the law of these, see `residual_priors.residual_law`;
        - of a generalised model, in place of these: a parameter of its family (``"theta"``, ``"phi"``, ...);
          of an ordinal response ``"thresholds"``, a prior of each or a dictionary by their names; and
          ``"zero_inflation"``, a prior of each of its coefficients or a dictionary by their names;
        - a grouping factor's name, its columns in any order: an `InverseWishart`, `Wishart` (of the
          precision), `ScaledInverseWishart` or `FixedMatrix`; or a dictionary,
          ``{"sd": prior or {effect: prior}, "correlation": LKJ(eta)}``, with "variance" in place of "sd" for
          priors of the squares. Where several terms share the factor, a list with one of these (or ``None``)
          for each term in its order, or keys ``"subject[1]"``, ``"subject[2]"``.

    Returns
    -------
    BoundPriors
        Priors in the order of the design's names.

    Raises
    ------
    OptionError
        A key matches nothing, a prior is of the wrong kind for its place, or two keys contradict each other.

    Examples
    --------
    >>> from multilevel.data import read_table
    >>> from multilevel.design import bind
    >>> from multilevel.language import parse_formula
    >>> from multilevel.model.priors import HalfCauchy, Normal
    >>> table = read_table({"y": [1.0, 2.0, 4.0, 3.0], "g": ["a", "a", "b", "b"]}, ["y", "g"])
    >>> design = bind(parse_formula("y ~ 1 + (1 | g)"), table)
    >>> priors = bind_priors(design, {"fixed": Normal(0, 5), "g": {"sd": HalfCauchy(1)}})
    >>> for parameter, text in priors.texts():
    ...     print(parameter, "~", text)
    Intercept ~ Normal(0, 5)
    g: sd(Intercept) ~ HalfCauchy(1)
    sigma ~ HalfT(3, 1.291)
    """
    _refuse_serial(design)
    if priors is None or isinstance(priors, str):
        word = priors or "default"
        if word not in DEFAULTS:
            raise OptionError(
                f"priors={priors!r}", allowed='"default", "brms", "rstanarm" or a dictionary of priors'
            )
        return _default(design, word)
    if not isinstance(priors, Mapping):
        raise OptionError(
            f"priors is a {type(priors).__name__}", allowed='"default", "brms", "rstanarm" or a dictionary'
        )
    priors = _with_categories(design, priors)
    bound = _defaults(design, priors)
    places = _places(design, bound, list(priors))
    bound = _with_coefficients(bound, {places[key]: priors[key] for key in priors})
    bound = with_family(bound, priors)
    bound = _with_residual(design, bound, priors)
    given = {places[key][1]: priors[key] for key in priors if places[key][0] == "term"}
    return dataclasses.replace(bound, terms=_term_priors(design, bound, given))


def _with_categories(design: Design, priors: Mapping[str, object]) -> Mapping[str, object]:
    """Return priors in which that of a graph's coefficient of a category is that of each of its columns."""
    if design.model.dag is None:
        return priors
    found: dict[str, object] = {}
    for key, prior in priors.items():
        columns = [name for name in design.fixed.names if re.sub(r"\[[^\]]*\]", "", name) == key]
        written = key in design.model.dag.priors and key not in design.fixed.names
        found |= dict.fromkeys(columns, prior) if written and columns else {key: prior}
    return found


def _refuse_serial(design: Design) -> None:
    """Raise `OptionError` if a grouped term has a serial structure, whose correlation has no prior yet."""
    for at, term in enumerate(design.terms):
        if term.covariance.serial:
            raise OptionError(
                f"`{term_text(design.model.groups[at])}` is a serial structure, which has no priors in this "
                "version",
                allowed="unstructured, diagonal, homdiag and cs terms",
                remedy="multilevel.fit, which estimates serial structures by REML or maximum likelihood",
            )


def _default(design: Design, word: str) -> BoundPriors:
    """Return the default priors that a word names."""
    return DEFAULTS[word](design) if design.family.is_linear else family_defaults(design, word)


def _defaults(design: Design, priors: Mapping[str, object]) -> BoundPriors:
    """Return the priors of what a dictionary does not name: those that its key "default" names."""
    word = priors.get("default", "default")
    if isinstance(word, str) and word in DEFAULTS:
        return _default(design, word)
    remedies = ['"fixed" for the prior of every coefficient not named'] * isinstance(word, ScalarPrior)
    if "default" in design.fixed.names:
        remedies.append("'`default`' for the coefficient")
    if any(factor.name == "default" for factor in design.factors):
        remedies.append("rename the column `default` for priors of the grouping factor")
    raise OptionError(
        f'priors["default"] is {named(word)}',
        allowed='"default", "brms", "rstanarm": whose priors the parameters have that are not named',
        remedy="; ".join(remedies),
    )


def _words(bound: BoundPriors) -> tuple[str, ...]:
    """Return the keys that name neither a coefficient nor a group."""
    return RESERVED if bound.family is None else ("fixed", *family_words(bound.family), "default")


Place = tuple[Literal["coefficient", "term", "word"], str]


def _places(design: Design, bound: BoundPriors, keys: list[object]) -> dict[object, Place]:
    """Return for each key what it names; raise one error for all keys that name nothing."""
    found: dict[object, Place] = {}
    unknown: list[object] = []
    for key in keys:
        place = _place(design, bound, key)
        if place is None:
            unknown.append(key)
            continue
        if place in found.values():
            raise OptionError(f"priors names `{place[1]}` twice", remedy="leave one of the two keys out")
        found[key] = place
    if unknown:
        raise _unknown(design, bound, unknown)
    return found


def _place(design: Design, bound: BoundPriors, key: object) -> Place | None:
    """Return what one key names, or ``None``."""
    if not isinstance(key, str):
        return None
    if key in _words(bound):
        return "word", key
    quoted = len(key) > 2 and key[0] == key[-1] == "`"
    name = key[1:-1] if quoted and key not in bound.names else key
    is_coefficient, group = name in bound.names, None if quoted else _group_key(design, bound, key)
    if is_coefficient and group is not None:
        raise OptionError(
            f"priors[{key!r}] may be the coefficient or the grouping factor `{key}`",
            allowed=f"'`{key}`' for the coefficient",
            remedy="rename one of the two columns for a prior of the grouping factor",
        )
    if is_coefficient:
        return "coefficient", name
    return None if group is None else ("term", group)


def _group_key(design: Design, bound: BoundPriors, key: str) -> str | None:
    """Return the factor's name or the term's label that a key stands for, its columns in any order."""
    stem, bracket, number = key.partition("[") if key.endswith("]") else (key, "", "")
    labels = {term.label for term in bound.terms}
    for factor in design.factors:
        if stem == factor.name or sorted(stem.split(":")) == sorted(factor.columns):
            whole = factor.name + bracket + number
            if whole in labels or (not bracket and f"{whole}[1]" in labels):
                return whole
    return None


def _unknown(design: Design, bound: BoundPriors, keys: list[object]) -> OptionError:
    """Return the error for keys that name nothing."""
    allowed = [*bound.names, *_words(bound), *(term.label for term in bound.terms)]
    aliased = {alias.name for alias in design.fixed.aliased}
    hints = []
    for key in keys:
        near = nearest_names(key, allowed, 1) if isinstance(key, str) else []
        if key in aliased:
            hints.append(f"leave {key!r} out: its column is a combination of others and has no coefficient")
        elif near:
            hints.append(f"{near[0]!r} for {key!r}")
    shown = ", ".join(repr(name) for name in allowed[:30]) + (", ..." if len(allowed) > 30 else "")
    wrong = ", ".join(repr(key) for key in keys)
    what = "names nothing" if len(keys) == 1 else "name nothing"
    return OptionError(f"priors: {wrong} {what} in this model", allowed=shown, remedy="; ".join(hints))


def _with_coefficients(bound: BoundPriors, given: Mapping[Place, object]) -> BoundPriors:
    """Return bound priors in which the named coefficients have theirs; these are not of centred columns."""
    own = {name: prior for (kind, name), prior in given.items() if kind == "coefficient"}
    rest = given.get(("word", "fixed"))
    p = len(bound.names)
    if ("word", "fixed") in given and p == 0:
        raise OptionError('priors["fixed"]: the model has no coefficients', remedy="leave it out")
    if isinstance(rest, MVNormal):
        if own or rest.dimension != p:
            found = f"beside priors of {', '.join(own)}" if own else f"of {rest.dimension} numbers"
            raise OptionError(
                f'priors["fixed"] is an MVNormal {found}',
                allowed=f"an MVNormal of all {p} coefficients: {', '.join(bound.names)}",
            )
        return dataclasses.replace(bound, coefficients=rest, centre=np.zeros(p), lift=np.zeros(p))
    assert not isinstance(bound.coefficients, MVNormal)  # the defaults are one by one
    chosen: list[ScalarPrior] = list(bound.coefficients)
    lift = bound.lift.copy()
    for at, name in enumerate(bound.names):
        key = name if name in own else "fixed"
        if name in own or ("word", "fixed") in given:
            chosen[at] = as_scalar(own.get(name, rest), where=f'priors["{key}"]')
            lift[at] = 0.0
    return dataclasses.replace(bound, coefficients=tuple(chosen), lift=lift)


def _with_residual(design: Design, bound: BoundPriors, priors: Mapping[str, object]) -> BoundPriors:
    """Return bound priors in which the residual sd has the prior that was given for it or its square."""
    keys = [key for key in ("sigma", "sigma2") if key in priors]
    if not keys or bound.family is not None:
        return bound
    if design.residual_sd is not None:
        raise OptionError(
            f'priors["{keys[0]}"] beside a known residual sd, {design.residual_sd:g}',
            allowed="one of the two",
            remedy="leave residual_sd= out to estimate it",
        )
    if len(keys) == 2:
        raise OptionError('priors has both "sigma" and "sigma2"', allowed="one of them")
    if design.residual_groups is not None:
        return dataclasses.replace(bound, residual=residual_law(keys[0], priors[keys[0]]))
    read = as_positive if keys[0] == "sigma" else as_variance
    sigma = read(priors[keys[0]], where=f'priors["{keys[0]}"]')
    if sigma.bounds[1] <= 0.0:
        raise OptionError(f'priors["{keys[0]}"] holds the residual sd at zero', allowed="a positive value")
    return dataclasses.replace(bound, sigma=sigma)


def _term_priors(design: Design, bound: BoundPriors, given: Mapping[str, object]) -> tuple[TermPriors, ...]:
    """Return the priors of every term: the given ones, else the defaults."""
    wanted: dict[str, tuple[str, object]] = {}
    for key, value in given.items():
        labels = [term.label for term in bound.terms if term.label == key or term.label.startswith(f"{key}[")]
        values = [value]
        if isinstance(value, list | tuple):
            values = list(value)
        if len(values) != len(labels) or (len(labels) > 1 and not isinstance(value, list | tuple)):
            raise OptionError(
                f'priors["{key}"] has {len(values)} priors and {len(labels)} terms',
                allowed="a list with one prior (or None) for each term, in its order"
                if len(labels) > 1
                else "one prior",
                remedy=", ".join(f'"{label}"' for label in labels) + " name the terms",
            )
        for label, one in zip(labels, values, strict=True):
            if label in wanted:
                raise OptionError(f'priors names the term "{label}" twice', remedy="leave one key out")
            if one is not None:
                wanted[label] = (f'priors["{label}"]', one)
    return tuple(
        bind_term(term, own, wanted[own.label][1], where=wanted[own.label][0]) if own.label in wanted else own
        for term, own in zip(design.terms, bound.terms, strict=True)
    )
