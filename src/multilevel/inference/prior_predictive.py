"""Draws from the priors: parameters, group effects, and the responses of the rows that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors, ResidualPriors, TermPriors, improper
from multilevel.design.design import Design, EffectsTerm
from multilevel.design.family_priors import FamilyPriors
from multilevel.engines.draws import Draws, ResidualDraws
from multilevel.errors import OptionError
from multilevel.inference.posterior_draws import covariance_root, draws_by_name
from multilevel.inference.posterior_predict import AT_ONCE
from multilevel.inference.prior_family import draw_family, family_responses
from multilevel.inference.simulate import generator
from multilevel.model.families import Ordinal
from multilevel.model.priors import LKJ, Decov, InverseGamma, LogNormal, MVNormal
from multilevel.model.priors.hierarchical import EXAMPLES
from multilevel.results.posterior_options import check_count
from multilevel.results.posterior_questions import PriorPredictive

Floats = NDArray[np.float64]
REAL, POSITIVE = "Normal(mean, sd)", "Gamma(shape, rate)"
"""Proper priors that a remedy names."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawsOfDesign:
    """Draws beside the design that names them; `multilevel.inference.posterior_draws.Drawn`."""

    design: Design
    sampled: Draws


def prior_predictive(
    design: Design, priors: BoundPriors, *, draws: int = 1000, seed: int | np.random.Generator
) -> PriorPredictive:
    """Draw parameters and group effects from their priors, and responses for the rows of the data.

    Parameters
    ----------
    design
        The model, bound to the data.
    priors
        Bound to the design.
    draws
        How many, at least 1; they are independent.
    seed
        A whole number, or a NumPy generator, which is advanced.

    Returns
    -------
    PriorPredictive
        Draws by name, one chain of them, and a response for each.

    Raises
    ------
    OptionError
        If a prior is improper, or so wide that a draw is not a finite number; if the link allows means that
        the family does not, and one is drawn; or if there are frequency weights: such a row stands for
        several observations, which would differ.
    """
    check_count("draws", draws, least=1)
    design.require_rows("prior predictive responses")
    _refuse_improper(design, priors)
    if design.frequency_weights is not None:
        raise OptionError(
            "prior_predictive was asked of rows with frequency weights",
            allowed="one observation for each row",
            remedy="repeat the rows in the table and leave frequency_weights out",
        )
    rng = generator(seed)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        sampled = draw_priors(design, priors, draws=draws, rng=rng)
    drawn = DrawsOfDesign(design, sampled)
    named = draws_by_name(drawn)
    for name, values in named.items():
        wide = int((~np.isfinite(values)).any(axis=tuple(range(2, values.ndim))).sum())
        if wide:
            raise OptionError(
                f"prior_predictive: {wide} of {draws} draws of `{name}` are too large for a number",
                allowed="priors whose draws are finite numbers",
                remedy="a narrower prior",
            )
    responses = np.full((draws, design.n_input), np.nan)
    responses[:, design.rows] = _responses(drawn, rng)
    return PriorPredictive(named, responses)


def _refuse_improper(design: Design, priors: BoundPriors) -> None:
    """Raise `OptionError` naming every parameter whose prior has no finite integral."""
    found: dict[str, str] = {}
    if isinstance(priors.coefficients, tuple):
        for name, prior in zip(priors.names, priors.coefficients, strict=True):
            if improper(prior):
                found[name] = f'"{name}": {REAL}'
    for term in priors.terms:
        for prior in () if isinstance(term.sds, Decov) else term.sds:
            if improper(prior):
                found[f"{term.label}: sd"] = f'"{term.label}": {{"sd": HalfT(3, scale)}}'
    law = priors.residual
    if law is None and improper(priors.sigma):
        found["sigma"] = '"sigma": HalfT(3, scale)'
    if law is not None and (improper(law.first) or improper(law.second)):
        key, words = ("sigma2", InverseGamma) if law.law == "inverse_gamma" else ("sigma", LogNormal)
        for name, prior in zip(law.names, (law.first, law.second), strict=True):
            if improper(prior):
                found[name] = f'"{key}": {EXAMPLES[words]}'
    found |= {name: f'"{key}": {example}' for name, key, example in _improper_of_family(priors.family)}
    if found:
        names = ", ".join(f"`{name}`" for name in found)
        what = f"prior of {names} is" if len(found) == 1 else f"priors of {names} are"
        raise OptionError(
            f"prior_predictive: the {what} flat, so that nothing can be drawn",
            allowed="a proper prior for every parameter",
            remedy="priors={" + ", ".join(found.values()) + "}",
        )


def _improper_of_family(family: FamilyPriors | None) -> list[tuple[str, str, str]]:
    """Return name, key of the priors and a proper prior of each improper one of a family."""
    if family is None:
        return []
    found = []
    for name, prior in family.parameters:
        if improper(prior):
            threshold = "|" in name
            found.append((name, "thresholds" if threshold else name, REAL if threshold else POSITIVE))
    zeros = [name for name, prior in family.inflation if improper(prior)]
    return found + [(f"zero inflation: {name}", "zero_inflation", REAL) for name in zeros]


def draw_priors(design: Design, priors: BoundPriors, *, draws: int, rng: np.random.Generator) -> Draws:
    """Draw every parameter and all group effects from their priors, laid out as one chain.

    Parameters
    ----------
    design, priors
        The priors are proper and bound to the design.
    draws
        How many.
    rng
        Source of randomness.
    """
    sigma = priors.sigma.draw(rng, draws)
    residual = None
    if priors.residual is not None and design.residual_groups is not None:
        index = design.residual_groups.index
        residual = _residual_draws(priors.residual, len(design.residual_groups.levels), draws, rng)
        share = np.bincount(index, minlength=residual.sds.shape[2]) / index.size
        sigma = np.sqrt(residual.sds[0] ** 2 @ share)
    if isinstance(priors.coefficients, MVNormal):
        centred = priors.coefficients.draw(rng, draws)
    else:
        centred = np.empty((draws, len(priors.names)))
        for at, prior in enumerate(priors.coefficients):
            centred[:, at] = prior.draw(rng, draws)
    beta = centred @ (2.0 * np.eye(len(priors.names)) - priors.to_centred).T
    sds, correlations, effects = [], [], []
    for block, term in zip(design.terms, priors.terms, strict=True):
        sd, R = _scales(block, term, sigma, rng)
        z = rng.standard_normal((draws, len(design.factors[block.factor].levels), len(block.names)))
        sds.append(sd[None])
        correlations.append(R[None])
        effects.append((z @ np.swapaxes(covariance_root(sd, R), 1, 2))[None])
    family = None
    if priors.family is not None:
        family = draw_family(priors.family, beta, rng, ordinal=isinstance(design.family, Ordinal))
    return Draws(
        method="prior",
        coefficients=beta[None],
        sigma=sigma[None],
        sds=tuple(sds),
        correlations=tuple(correlations),
        effects=tuple(effects),
        kept=np.arange(draws, dtype=np.int64),
        efficiency=1.0,
        log_evidence=None,
        residual=residual,
        family=family,
    )


def _residual_draws(law: ResidualPriors, m: int, draws: int, rng: np.random.Generator) -> ResidualDraws:
    """Return residual sds of ``m`` groups and the parameters of their law."""
    first, second = law.first.draw(rng, draws), law.second.draw(rng, draws)
    if law.law == "inverse_gamma":
        sds = np.sqrt(second[:, None] / rng.standard_gamma(np.broadcast_to(first[:, None], (draws, m))))
    else:
        sds = np.exp(first[:, None] + second[:, None] * rng.standard_normal((draws, m)))
    parameters = ((law.names[0], first[None]), (law.names[1], second[None]))
    return ResidualDraws(law.law, np.asarray(sds)[None], parameters)


def _scales(
    block: EffectsTerm, term: TermPriors, sigma: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return ``(draws, k)`` sds and ``(draws, k, k)`` correlation matrices of a term's effects."""
    k, draws = len(block.names), sigma.size
    if term.covariance is not None:
        D = term.covariance.draw(rng, draws)
        sds = np.sqrt(np.diagonal(D, axis1=1, axis2=2))
        return sds, np.asarray(D / (sds[:, :, None] * sds[:, None, :]))
    if isinstance(term.sds, Decov):
        sds = term.sds.draw(rng, draws, k)
    else:
        sds = np.empty((draws, k))
        for at, prior in enumerate(term.sds):
            sds[:, at:] = prior.draw(rng, draws)[:, None]  # a single prior is of an sd that all effects share
    if term.relative:
        sds = sds * sigma[:, None]
    return sds, _correlations(term, k, draws, rng)


def _correlations(term: TermPriors, k: int, draws: int, rng: np.random.Generator) -> Floats:
    """Return ``(draws, k, k)`` correlation matrices."""
    if isinstance(term.correlation, LKJ):
        return term.correlation.draw(rng, draws, k)
    R = np.tile(np.eye(k), (draws, 1, 1))
    if term.correlation is not None:  # of one number, which every pair of effects shares
        R += term.correlation.draw(rng, draws)[:, None, None] * (1.0 - np.eye(k))
    return R


def _responses(drawn: DrawsOfDesign, rng: np.random.Generator) -> Floats:
    """Return ``(draws, n)`` responses, one for each draw."""
    design, sampled = drawn.design, drawn.sampled
    found = _predictors(drawn)
    if sampled.family is not None:
        return family_responses(drawn, found, rng)
    unit = np.ones(design.n_rows)
    if design.precision_weights is not None:
        unit = 1.0 / np.sqrt(design.precision_weights)
    for some in _steps(drawn):
        sd = sampled.sigma[0, some, None]
        if sampled.residual is not None and design.residual_groups is not None:
            sd = sampled.residual.sds[0, some][:, design.residual_groups.index]
        found[some] += rng.standard_normal(found[some].shape) * (sd * unit)
    return found


def _predictors(drawn: DrawsOfDesign) -> Floats:
    """Return ``(draws, n)`` linear predictors."""
    design, sampled = drawn.design, drawn.sampled
    found = np.asarray(sampled.coefficients[0] @ design.fixed.X.T)
    if design.offset is not None:
        found += design.offset
    for some in _steps(drawn):
        for block, effects in zip(design.terms, sampled.effects, strict=True):
            index = design.factors[block.factor].index
            found[some] += np.einsum("snk,nk->sn", effects[0, some][:, index], block.Z)
    return found


def _steps(drawn: DrawsOfDesign) -> list[slice]:
    """Return which draws are worked on together."""
    step = max(1, AT_ONCE // drawn.design.n_rows)
    return [slice(start, start + step) for start in range(0, drawn.sampled.sigma.shape[1], step)]
