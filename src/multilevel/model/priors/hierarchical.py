"""A law of many positive numbers whose own parameters are unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from multilevel.errors import OptionError
from multilevel.model.priors.positive import InverseGamma, LogNormal
from multilevel.model.priors.real_line import Fixed, Flat
from multilevel.model.priors.scalar import ScalarPrior
from multilevel.model.priors.variances import root_of

Law = type[InverseGamma] | type[LogNormal]
PARAMETERS: Mapping[Law, tuple[str, str]] = {InverseGamma: ("shape", "scale"), LogNormal: ("mu", "sigma")}
"""Each law's own parameters; all are positive but ``mu``."""
EXAMPLES: Mapping[Law, str] = {
    InverseGamma: "Hierarchical(InverseGamma, shape=Gamma(2, 0.1), scale=Exponential(0.1))",
    LogNormal: "Hierarchical(LogNormal, mu=Normal(0, 2), sigma=HalfNormal(1))",
}


@dataclass(frozen=True, slots=True, init=False)
class Hierarchical:
    """The law of the residual variances or sds of groups, its own parameters unknown.

    Parameters
    ----------
    law
        `InverseGamma`, for variances, or `LogNormal`, for sds.
    parameters
        A prior for each parameter of the law by its name there, or a number that is known: ``shape`` and
        ``scale`` of `InverseGamma`; ``mu`` and ``sigma`` of `LogNormal`, the mean and the sd of the
        logarithm, with ``variance`` in place of ``sigma`` for a prior of its square. As a field, pairs of
        name and prior in the law's order, numbers as `Fixed`, ``variance`` as the prior of its root.

    Raises
    ------
    OptionError
        The law is another one; a parameter is missing or is not one of the law's; its prior is of the wrong
        kind, or flat where the posterior would be improper.

    Examples
    --------
    >>> from multilevel.model.priors import Gamma, Hierarchical, InverseGamma, LogNormal, Normal
    >>> Hierarchical(InverseGamma, shape=Gamma(2, 0.1), scale=3).text()
    'Hierarchical(InverseGamma, shape=Gamma(2, 0.1), scale=3)'
    >>> Hierarchical(LogNormal, mu=Normal(0, 2), variance=InverseGamma(3, 1)).parameters[1]
    ('sigma', RootOf(variance=InverseGamma(shape=3.0, scale=1.0)))
    """

    law: Law
    parameters: tuple[tuple[str, ScalarPrior], ...]

    def __init__(self, law: Law, **parameters: ScalarPrior | float) -> None:
        if law is not InverseGamma and law is not LogNormal:
            raise OptionError(
                f"Hierarchical: the law is {law!r}",
                allowed="InverseGamma or LogNormal, without brackets",
                remedy=EXAMPLES[InverseGamma],
            )
        given = {name: _read(law, name, value) for name, value in parameters.items()}
        if "variance" in given:
            if "sigma" in given:
                raise OptionError(
                    'Hierarchical: both "sigma" and "variance" are given', allowed="one of them"
                )
            given["sigma"] = root_of(given.pop("variance"))
        missing = [name for name in PARAMETERS[law] if name not in given]
        if missing:
            raise OptionError(
                f"Hierarchical: `{missing[0]}` of {law.__name__} is not given",
                allowed="a prior or a number for each parameter",
                remedy=EXAMPLES[law],
            )
        object.__setattr__(self, "law", law)
        object.__setattr__(self, "parameters", tuple((name, given[name]) for name in PARAMETERS[law]))

    def text(self) -> str:
        """Return the law as it may be printed."""
        parts = [f"{name}={_text(prior)}" for name, prior in self.parameters]
        return f"Hierarchical({self.law.__name__}, {', '.join(parts)})"


def _text(prior: ScalarPrior) -> str:
    """Return a parameter's prior as text, a known number as itself."""
    return f"{prior.value:.4g}" if isinstance(prior, Fixed) else prior.text()


def _read(law: Law, name: str, value: object) -> ScalarPrior:
    """Return the prior of one parameter of a law, a number as `Fixed`."""
    names = (*PARAMETERS[law], "variance") if law is LogNormal else PARAMETERS[law]
    where = f"Hierarchical: {name}"
    if name not in names:
        raise OptionError(
            f"Hierarchical: {law.__name__} has no parameter `{name}`",
            allowed=", ".join(names),
            remedy=EXAMPLES[law],
        )
    prior: object = value
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        prior = Fixed(float(value))
    if not isinstance(prior, ScalarPrior):
        raise OptionError(
            f"{where} is {value!r}", allowed="a prior of one number, or a number", remedy=EXAMPLES[law]
        )
    if name == "mu":
        return prior
    positive = prior.bounds[0] >= 0.0 and not (isinstance(prior, Fixed) and prior.value == 0.0)
    if not positive or isinstance(prior, Flat):
        raise OptionError(
            f"{where} is {_text(prior)}",
            allowed="a proper prior of positive numbers, or a positive number",
            remedy=EXAMPLES[law],
        )
    return prior
