"""The posterior: what the user holds after sampling; it keeps the facts and passes every question on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn, Protocol, TypeVar, cast

import numpy as np

from multilevel.data.table import Table
from multilevel.design.design import Design
from multilevel.engines.draws import Draws, Sampler
from multilevel.model import Model
from multilevel.moments import Moments
from multilevel.results.archive import not_pickled
from multilevel.results.fit import Fit
from multilevel.results.node_questions import NodeAnswers, NodeQuestions
from multilevel.results.posterior_options import SampleOptions
from multilevel.results.posterior_questions import Included, LeaveOneOut, NamedDraws, PriorPredictive
from multilevel.results.prior_texts import Priors
from multilevel.results.questions import Floats, Frame, Groups, Page, PosteriorQuestion, Scale

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Posterior(NodeQuestions):
    """The posterior distribution of a multilevel model, as draws.

    Tables come back in the library of the data (pandas for files and dictionaries). Arrays have one value
    for each row of the caller's table, NaN where the row was left out. Intervals are equal-tailed, with the
    coverage of ``options.level``.

    Parameters
    ----------
    design, moments
        What the rooms above gave out; no moments of a generalised model.
    sampled
        The draws as the engine gave them.
    priors
        The priors, bound to the design.
    table
        The columns that were read, for saving.
    options
        What the caller chose.
    answers
        The functions that answer questions about a posterior.
    memory
        Values that were made once, by name.

    Examples
    --------
    >>> import multilevel as ml
    >>> post = ml.sample("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"), seed=1)
    >>> post
    Posterior('reaction ~ days + (days | subject)', method='marginal', draws=4000)
    >>> post.fixed_effects["mean"].round(0).tolist()
    [251.0, 10.0]
    """

    design: Design
    moments: Moments | None
    sampled: Draws
    priors: Priors
    table: Table
    options: SampleOptions
    answers: PosteriorAnswers
    memory: dict[str, object] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return the value kept under a name, making it the first time."""
        if name not in self.memory:
            self.memory[name] = make()
        return cast(T, self.memory[name])

    # What was sampled, and how it ended

    @property
    def model(self) -> Model:
        """The model."""
        return self.design.model

    @property
    def formula(self) -> str:
        """The formula as it was written."""
        return self.design.model.text

    @property
    def method(self) -> Sampler:
        """The engine that made the draws."""
        return self.sampled.method

    @property
    def n_rows(self) -> int:
        """Rows used."""
        return self.design.n_used

    @property
    def n_groups(self) -> dict[str, int]:
        """Levels of each grouping factor."""
        return {factor.name: len(factor.levels) for factor in self.design.factors}

    @property
    def n_chains(self) -> int:
        """Chains of draws."""
        return int(self.sampled.sigma.shape[0])

    @property
    def n_draws(self) -> int:
        """Draws in all chains together."""
        return int(self.sampled.sigma.size)

    @property
    def status(self) -> Literal["complete", "interrupted"]:
        """Whether all draws were made that were asked for."""
        return "complete" if self.sampled.complete else "interrupted"

    @property
    def sentence(self) -> str:
        """How the sampling went, in words."""
        return self.sampled.sentence

    @property
    def log_evidence(self) -> float | None:
        """``log p(y)``, where every prior is proper and the engine computes it."""
        return self.sampled.log_evidence

    # Draws

    @property
    def draws(self) -> NamedDraws:
        """Draws by name: "days", "sigma", "sd(subject, days)", "correlation(subject, Intercept, days)"."""
        return self.answers.draws(self)

    def draws_table(self) -> Frame:
        """Return the draws as a table: chain, draw, and a column for each parameter but group effects."""
        return self.answers.draws_table(self)

    # Tables and arrays

    @property
    def fixed_effects(self) -> Frame:
        """Coefficients: term, mean, sd, lower, upper, ess_bulk, ess_tail, rhat, mcse."""
        return self.answers.table(self, "fixed_effects")

    @property
    def variance_components(self) -> Frame:
        """Standard deviations: group, term, mean, sd, lower, upper, ess_bulk, ...; the residual last."""
        return self.answers.table(self, "variance_components")

    @property
    def correlations(self) -> Frame:
        """Correlations of effects: group, term_1, term_2, mean, sd, lower, upper, ess_bulk, ..."""
        return self.answers.table(self, "correlations")

    @property
    def residual_sds(self) -> Frame:
        """Residual sds of the levels of ``residual_groups``: level, mean, sd, lower, upper, ess_bulk, ..."""
        return self.answers.table(self, "residual_sds")

    @property
    def residual_law(self) -> Frame:
        """Parameters of the law of those residual sds: parameter, mean, sd, lower, upper, ess_bulk, ..."""
        return self.answers.table(self, "residual_law")

    @property
    def family_parameters(self) -> Frame:
        """Parameters of the family, or thresholds: term, mean, sd, lower, upper, ess_bulk, ..."""
        return self.answers.table(self, "family_parameters")

    @property
    def zero_inflation(self) -> Frame:
        """Coefficients of zero inflation on the logit scale: term, mean, sd, lower, upper, ess_bulk, ..."""
        return self.answers.table(self, "zero_inflation")

    @property
    def random_effects(self) -> Frame:
        """Effects of each group: group, level, term, mean, sd, lower, upper, pooling."""
        return self.answers.table(self, "random_effects")

    @property
    def group_coefficients(self) -> Frame:
        """Coefficients of each group, fixed plus group effect: group, level, term, mean, sd, lower, upper."""
        return self.answers.table(self, "group_coefficients")

    @property
    def vcov(self) -> Floats:
        """``(p, p)`` posterior covariance matrix of the coefficients."""
        return self.answers.vcov(self)

    @property
    def fitted(self) -> Floats:
        """Posterior means of the rows' expected responses given the group effects, by row of the table."""
        return self.answers.fitted(self)

    @property
    def residuals(self) -> Floats:
        """Response less fitted values, one for each row of the caller's table."""
        return self.answers.residuals(self)

    # Verbs

    def predict(
        self,
        data: object = None,
        *,
        groups: Groups | Mapping[str, Groups] = "known",
        interval: float | None = None,
        observation: bool = False,
        scale: Scale = "response",
    ) -> Frame:
        """Return a table of predictions: the keywords are those of `Fit.predict`.

        Parameters
        ----------
        data
            New rows, in any form that `multilevel.fit` takes; by default the used rows.
        groups
            "known": the mean of the groups in the data; a level that is not in the data is an error.
            "new": the mean of groups that are not in the data; the interval contains the variance between
            groups. "typical": the mean of a group whose effects are zero. "average": the mean over groups. A
            mapping gives one of these for each grouping factor. Only known groups need their columns.
        interval
            Coverage of the equal-tailed interval, such as 0.9; ``None`` for predictions alone.
        observation
            Whether the interval is for a single observation instead of a mean.
        scale
            "response": means; "link": linear predictors, the same in linear models.

        Returns
        -------
        Column prediction, the posterior mean (of an ordinal response a column ``p(class)`` for each class);
        with an interval also sd, lower, upper, and ``varies``: what these contain. Coefficients, sds and
        correlations always vary as in the posterior.
        """
        return self.answers.predict(
            self, data, groups=groups, interval=interval, observation=observation, scale=scale
        )

    def simulate(
        self, n: int = 1, *, seed: int | np.random.Generator, groups: Literal["known", "new"] = "known"
    ) -> Floats:
        """Return ``(n, n_input)`` responses for the rows of the data from the posterior predictive.

        Parameters
        ----------
        n
            How many responses; each is made from another draw while there are enough.
        seed
            A whole number or a NumPy generator.
        groups
            "known": group effects are those of the draw; "new": they are drawn afresh from the draw's
            distribution of groups.
        """
        return self.answers.simulate(self, n, seed=seed, groups=groups)

    def loo(self, *, group: str | None = None) -> LeaveOneOut:
        """Return the leave-one-out predictive density of the rows, given the group effects (PSIS).

        With ``group``, a grouping factor: of its levels, each with all rows, its effects integrated out.
        """
        return self.answers.loo(self, group=group)

    def prior_predictive(self, draws: int = 1000, *, seed: int | np.random.Generator) -> PriorPredictive:
        """Return draws from the priors, by the names of `draws`, and the responses that follow from them."""
        return self.answers.prior_predictive(self, draws, seed=seed)

    def save(self, path: str | Path) -> None:
        """Write the posterior with its draws to a file; nothing in it is executable."""
        self.answers.save(self, path)

    def to_arviz(
        self,
        *,
        include: Sequence[Included] = ("log_likelihood", "observed_data"),
        seed: int | np.random.Generator = 0,
    ) -> Any:
        """Return the draws for ArviZ: an ``InferenceData`` of ArviZ 0.x, a ``DataTree`` of ArviZ 1.x.

        Parameters
        ----------
        include
            Groups besides the posterior: "log_likelihood" (of each row given the group effects),
            "observed_data", "posterior_predictive".
        seed
            Of the posterior predictive.

        Notes
        -----
        If the group effects were kept for some of the draws only, those draws are given.
        """
        return self.answers.to_arviz(self, include=include, seed=seed)

    # Pages

    def to_latex(self) -> str:
        """Return the tables as LaTeX (booktabs)."""
        return self.answers.page(self, "latex")

    def to_markdown(self) -> str:
        """Return the tables as Markdown."""
        return self.answers.page(self, "markdown")

    def to_json(self) -> dict[str, Any]:
        """Return everything a reader of the posterior needs as plain values that JSON can hold."""
        return self.answers.facts(self)

    def _repr_html_(self) -> str:
        return self.answers.page(self, "html")

    def __str__(self) -> str:
        return self.answers.page(self, "summary")

    def __deepcopy__(self, memo: object) -> Posterior:
        return self

    def __reduce__(self) -> NoReturn:
        raise not_pickled("load_posterior")

    def __repr__(self) -> str:
        return f"Posterior({self.formula!r}, method={self.method!r}, draws={self.n_draws})"


class PosteriorAnswers(NodeAnswers, Protocol):
    """The functions of the rooms below `results`, handed to a posterior by the door."""

    def draws(self, posterior: Posterior) -> NamedDraws:
        """Return the draws by name."""

    def draws_table(self, posterior: Posterior) -> Frame:
        """Return the draws as a table."""

    def table(self, posterior: Posterior, question: PosteriorQuestion) -> Frame:
        """Return one of the tables of a posterior."""

    def page(self, posterior: Posterior, page: Page) -> str:
        """Return the posterior as text."""

    def facts(self, posterior: Posterior) -> dict[str, Any]:
        """Return the posterior as plain values that JSON can hold."""

    def vcov(self, posterior: Posterior) -> Floats:
        """Return the covariance matrix of the coefficients."""

    def fitted(self, posterior: Posterior) -> Floats:
        """Return fitted values for the caller's rows."""

    def residuals(self, posterior: Posterior) -> Floats:
        """Return residuals for the caller's rows."""

    def predict(
        self,
        posterior: Posterior,
        data: object,
        *,
        groups: Groups | Mapping[str, Groups],
        interval: float | None,
        observation: bool,
        scale: Scale,
    ) -> Frame:
        """Return a table of predictions."""

    def simulate(
        self,
        posterior: Posterior,
        n: int,
        *,
        seed: int | np.random.Generator,
        groups: Literal["known", "new"],
    ) -> Floats:
        """Return simulated responses."""

    def loo(self, posterior: Posterior, *, group: str | None) -> LeaveOneOut:
        """Return leave-one-out predictive densities, of rows or of the levels of a grouping factor."""

    def prior_predictive(
        self, posterior: Posterior, draws: int, *, seed: int | np.random.Generator
    ) -> PriorPredictive:
        """Return draws from the priors."""

    def save(self, posterior: Posterior, path: str | Path) -> None:
        """Write the posterior to a file."""

    def to_arviz(
        self, posterior: Posterior, *, include: Sequence[Included], seed: int | np.random.Generator
    ) -> Any:
        """Return the draws for ArviZ."""


Result = Fit | Posterior
"""What questions about rows and groups are asked of."""
