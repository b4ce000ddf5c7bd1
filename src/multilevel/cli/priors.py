"""Reads priors written as words of the command, such as `days=Normal(0, 10)`; nothing is evaluated."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from multilevel.errors import OptionError
from multilevel.model import priors

KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        priors.Exponential,
        priors.Fixed,
        priors.FixedMatrix,
        priors.Flat,
        priors.Gamma,
        priors.HalfCauchy,
        priors.HalfNormal,
        priors.HalfT,
        priors.Hierarchical,
        priors.InverseGamma,
        priors.InverseWishart,
        priors.LKJ,
        priors.LogNormal,
        priors.MVNormal,
        priors.Normal,
        priors.ScaledInverseWishart,
        priors.StudentT,
        priors.Uniform,
        priors.Wishart,
    )
}
"""The priors that can be written, by their names."""
FORM = "NAME=PRIOR(numbers), such as days=Normal(0, 10) or subject.sd=HalfCauchy(30)"
SETTING = re.compile(r"(?P<name>.+)=\s*(?P<kind>[A-Za-z_]\w*)\s*\((?P<arguments>.*)\)\s*", re.DOTALL)
DEFAULTS = re.compile(r"\s*default\s*=\s*(?P<word>[A-Za-z]+)\s*")
LAYERED = re.compile(r"(?P<name>[^=]+)=\s*Hierarchical\s*\((?P<arguments>.*)\)\s*", re.DOTALL)
LAWS: dict[str, Any] = {law.__name__: law for law in priors.hierarchical.EXAMPLES}
ITEM = re.compile(r"\s*(?P<name>\w+)\s*=\s*(?P<value>[^\s(),=]+(?:\s*\([^()]*\))?)\s*(?:,|$)")
PART = re.compile(r"(?P<group>.+)\.(?P<part>sd|variance|correlation)(?:\((?P<effect>.+)\))?", re.DOTALL)
TOKEN = re.compile(r"[\[\],]|[^\[\],\s]+")
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
DEEPEST = 2
"""A matrix is a list of lists."""

Argument = float | list["Argument"]


def read_priors(settings: Sequence[str]) -> dict[str, object]:
    """Return the dictionary of priors that `multilevel.sample` takes.

    Parameters
    ----------
    settings
        Texts ``NAME=PRIOR(numbers)``. A name is a key of the dictionary, or a grouping factor with a part:
        ``subject.sd``, ``subject.sd(days)`` for one effect, ``subject.variance``, ``subject.correlation``. In
        backticks a name is that of a coefficient, dots and all. ``default=brms`` says whose priors the
        parameters have that are not named. A law with unknown parameters names them:
        ``sigma2=Hierarchical(InverseGamma, shape=Gamma(2, 0.1), scale=3)``.

    Raises
    ------
    OptionError
        If a text is not of this form, names no prior, or contradicts another.

    Examples
    --------
    >>> found = read_priors(["days=Normal(0, 10)", "subject.sd=HalfCauchy(30)"])
    >>> found["days"].text(), found["subject"]["sd"].text()
    ('Normal(0, 10)', 'HalfCauchy(30)')
    """
    found: dict[str, object] = {}
    for setting in settings:
        name, prior = read_prior(setting)
        part = None if name.startswith("`") else PART.fullmatch(name)
        path = [name]
        if part is not None:
            path = [
                part["group"].strip(),
                part["part"],
                *([part["effect"].strip()] if part["effect"] else []),
            ]
        _place(found, path, prior, setting)
    return found


def read_prior(setting: str) -> tuple[str, object]:
    """Return the name and the prior of one text; of ``default=...`` the word."""
    defaults = DEFAULTS.fullmatch(setting)
    if defaults is not None:
        return "default", defaults["word"]
    layered = LAYERED.fullmatch(setting)
    if layered is not None:
        return layered["name"].strip(), _read_layered(layered["arguments"], setting)
    match = SETTING.fullmatch(setting)
    if match is None or not match["name"].strip():
        raise OptionError(f"--prior {setting!r} cannot be read", allowed=FORM)
    return match["name"].strip(), _made(match["kind"], match["arguments"], setting)


def _made(kind: str, arguments: str, setting: str) -> object:
    """Return the prior of the named kind with the arguments between its parentheses."""
    values = _read_arguments(arguments, setting)
    if kind not in KINDS:
        near = difflib.get_close_matches(kind.lower(), [name.lower() for name in KINDS], n=1)
        raise OptionError(
            f"--prior {setting!r}: there is no prior `{kind}`",
            allowed=", ".join(KINDS),
            remedy=next((name for name in KINDS if name.lower() in near), ""),
        )
    fields = [field.name for field in dataclasses.fields(KINDS[kind]) if field.init]
    if len(values) != len(fields):
        raise OptionError(
            f"--prior {setting!r}: {kind} has {len(fields)} arguments, found {len(values)}",
            allowed=f"{kind}({', '.join(fields)})",
        )
    return _within(setting, lambda: KINDS[kind](*values))


def _read_layered(text: str, setting: str) -> object:
    """Return a `Hierarchical` from its arguments: a law, then a prior or a number for each parameter."""
    law, comma, rest = text.partition(",")
    examples = " or ".join(priors.hierarchical.EXAMPLES.values())
    if law.strip() not in LAWS or not comma:
        raise OptionError(f"--prior {setting!r}: there is no law `{law.strip()}`", allowed=examples)
    found: dict[str, Any] = {}
    at = 0
    while at < len(rest):
        item = ITEM.match(rest, at)
        if item is None or item["name"] in found:
            raise OptionError(
                f"--prior {setting!r}: the arguments cannot be read at `{rest[at:].strip()}`",
                allowed=examples,
            )
        value, at = item["value"], item.end()
        kind, bracket, arguments = value.partition("(")
        if bracket:
            found[item["name"]] = _made(kind.strip(), arguments[:-1], setting)
        else:
            found[item["name"]] = float(value) if NUMBER.fullmatch(value) else value
    return _within(setting, lambda: priors.Hierarchical(LAWS[law.strip()], **found))


def _within(setting: str, make: Callable[[], object]) -> object:
    """Return what a constructor makes; its error says which text asked for it."""
    try:
        return make()
    except OptionError as error:
        raise OptionError(
            f"--prior {setting!r}: {error.asked}", allowed=error.allowed, remedy=error.remedy
        ) from error


def _read_arguments(text: str, setting: str) -> list[Argument]:
    """Return the arguments between the parentheses: numbers, and lists of numbers in square brackets."""
    tokens = deque(TOKEN.findall(text))
    try:
        arguments = _read_items(tokens, DEEPEST)
        if tokens:
            raise ValueError(tokens[0])
    except ValueError as error:
        found = f"at `{error}`" if str(error) else "to the end"
        raise OptionError(
            f"--prior {setting!r}: the arguments cannot be read {found}",
            allowed="numbers, and lists of them such as [0, 1] or [[500, 0], [0, 50]], with commas between",
        ) from error
    return arguments


def _read_items(tokens: deque[str], depth: int) -> list[Argument]:
    """Take items up to the end of a list off the tokens; ``ValueError`` holds the first one out of place."""
    items: list[Argument] = []
    while tokens and tokens[0] != "]":
        if items and (token := tokens.popleft()) != ",":
            raise ValueError(token)
        token = tokens.popleft() if tokens else ""
        if token == "[" and depth > 0:
            items.append(_read_items(tokens, depth - 1))
            if not tokens:
                raise ValueError("")
            tokens.popleft()
        elif NUMBER.fullmatch(token):
            items.append(float(token))
        else:
            raise ValueError(token)
    return items


def _place(found: dict[str, object], path: Sequence[str], prior: object, setting: str) -> None:
    """Put a prior at its place in the dictionary of priors."""
    if path[1:2] == ["correlation"] and len(path) > 2:
        raise OptionError(
            f"--prior {setting!r}: a correlation matrix has one prior for all effects",
            allowed=f"{path[0]}.correlation=LKJ(eta)",
        )
    place = found
    for word in path[:-1]:
        inner = place.setdefault(word, {})
        if not isinstance(inner, dict):
            raise _contradiction(setting, path)
        place = inner
    if path[-1] in place:
        raise _contradiction(setting, path)
    place[path[-1]] = prior


def _contradiction(setting: str, path: Sequence[str]) -> OptionError:
    """Return the error for a second prior of what has one."""
    whole = path[0] if len(path) == 1 else f"{path[0]}.{path[1]}"
    return OptionError(
        f"--prior {setting!r} is a second prior of `{whole}` or of a part of it",
        allowed="one prior for the whole, or one for each part",
        remedy="leave one of them out",
    )
