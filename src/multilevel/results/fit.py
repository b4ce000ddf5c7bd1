"""The fit: what the user holds; it keeps the facts and passes every question on to its `Answers`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol, TypeVar, cast

import numpy as np

from multilevel.data.table import Table
from multilevel.design.design import Design
from multilevel.engines.solution import Certificate, Method, Solution, Status
from multilevel.model import Model
from multilevel.moments import Moments
from multilevel.results.archive import not_pickled
from multilevel.results.bootstrap import BootstrapAnswers, BootstrapQuestions
from multilevel.results.node_questions import NodeAnswers, NodeQuestions
from multilevel.results.options import FitOptions
from multilevel.results.other_names import absent_attribute
from multilevel.results.questions import Floats, Frame, Groups, Page, Question, ResidualKind, Scale

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Fit(NodeQuestions, BootstrapQuestions):
    """A multilevel model fitted by maximum likelihood or restricted maximum likelihood.

    Tables come back in the library of the data (pandas for files and dictionaries). Arrays have one value
    for each row of the caller's table, NaN where the row was left out.

    Parameters
    ----------
    design, moments, solution
        What the rooms above gave out.
    table
        The columns that were read, for saving.
    options
        What the caller chose.
    answers
        The functions that answer questions about a fit.
    response
        ``(n,)`` response of the used rows if it was replaced by `refit`, else ``None``.
    memory
        Values that were made once, by name.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    >>> fit
    Fit('reaction ~ days + (days | subject)', method='reml', status='optimal')
    >>> fit.n_rows, fit.n_groups
    (180, {'subject': 18})
    >>> fit.predict({"days": [10.0]}, groups="typical").round(2)["prediction"].tolist()
    [356.08]
    """

    design: Design
    moments: Moments | None
    solution: Solution
    table: Table
    options: FitOptions
    answers: Answers
    response: Floats | None = None
    memory: dict[str, object] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return the value kept under a name, making it the first time."""
        if name not in self.memory:
            self.memory[name] = make()
        return cast(T, self.memory[name])

    # What was fitted

    @property
    def model(self) -> Model:
        """The model."""
        return self.design.model

    @property
    def formula(self) -> str:
        """The formula as it was written."""
        return self.design.model.text

    @property
    def family(self) -> str:
        """Family of the response and its link: "poisson (log link)"."""
        return self.design.family.text()

    @property
    def method(self) -> Method:
        """How it was fitted: "reml", "ml", these by "em_reml", "em"; or ML by "laplace" or "quadrature"."""
        return self.solution.method

    @property
    def n_rows(self) -> int:
        """Rows used."""
        return self.design.n_used

    @property
    def n_groups(self) -> dict[str, int]:
        """Levels of each grouping factor."""
        return {factor.name: len(factor.levels) for factor in self.design.factors}

    # How it ended

    @property
    def status(self) -> Status:
        """How the fit ended, as one of a few words."""
        return self.solution.status

    @property
    def sentence(self) -> str:
        """How the fit ended, in a sentence, with one for each variance at its boundary.

        After a fit by Laplace's method on one grouping factor the last sentence compares it with adaptive
        quadrature, if the difference is worth telling; the numbers are in ``fit.solution.accuracy``.
        """
        accuracy = self.solution.accuracy
        last = "" if accuracy is None else accuracy.sentence
        return " ".join(part for part in (self.solution.sentence, *self.solution.boundary, last) if part)

    @property
    def certificate(self) -> Certificate:
        """Evidence that the optimum was reached."""
        return self.solution.certificate

    # Numbers

    @property
    def sigma(self) -> float:
        """Residual sd, in units of the response; the scale of a Student response; 1 for other families."""
        return self.solution.sigma

    @property
    def deviance(self) -> float:
        """-2 log-likelihood of the fit's own method: restricted for "reml" and "em_reml"."""
        return self.solution.criterion

    @property
    def loglik(self) -> float:
        """Log-likelihood of the fit's own method: restricted for "reml" and "em_reml"."""
        return -self.solution.criterion / 2

    @property
    def df(self) -> int:
        """Free parameters: coefficients, covariance parameters and an estimated residual sd."""
        return self.solution.n_parameters

    @property
    def aic(self) -> float:
        """Akaike's criterion: ``deviance + 2 df``."""
        return self.deviance + 2 * self.df

    @property
    def bic(self) -> float:
        """Schwarz's criterion: ``deviance + df log n``, n the observations (rows by frequency weight)."""
        return self.deviance + self.df * float(np.log(self.design.n_observations))

    # Tables and arrays

    @property
    def fixed_effects(self) -> Frame:
        """Coefficients: term, estimate, std_error, statistic, df, p_value, lower, upper."""
        return self.answers.table(self, "fixed_effects")

    @property
    def variance_components(self) -> Frame:
        """Sources of variation: group, term, sd, variance, share; the residual last, if there is one."""
        return self.answers.table(self, "variance_components")

    @property
    def correlations(self) -> Frame:
        """Correlations of effects: group, term_1, term_2, correlation, covariance."""
        return self.answers.table(self, "correlations")

    @property
    def family_parameters(self) -> Frame:
        """What the family has besides the mean: term, estimate, std_error, lower, upper.

        Dispersion parameters, or the thresholds of an ordinal response; no rows in linear models and in
        families without such parameters.
        """
        return self.answers.table(self, "family_parameters")

    @property
    def zero_inflation(self) -> Frame:
        """Coefficients of the logit of the share of extra zeros, in the columns of `fixed_effects`."""
        return self.answers.table(self, "zero_inflation")

    @property
    def random_effects(self) -> Frame:
        """Effects of each group: group, level, term, estimate, sd, pooling."""
        return self.answers.table(self, "random_effects")

    @property
    def group_coefficients(self) -> Frame:
        """Coefficients of each group, fixed plus group effect: group, level, term, estimate."""
        return self.answers.table(self, "group_coefficients")

    @property
    def vcov(self) -> Floats:
        """``(p, p)`` covariance matrix of the coefficients, adjusted if ``ddf="kenward-roger"``."""
        return self.answers.vcov(self)

    @property
    def fitted(self) -> Floats:
        """Fitted values given the group effects, one for each row of the caller's table.

        Mean responses: probabilities where there are trials; with extra zeros included; the mean class number
        of an ordinal response.
        """
        return self.answers.fitted(self)

    @property
    def residuals(self) -> Floats:
        """Response (share of successes where there are trials) less fitted values, by row of the table."""
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
        """Return a table of predictions.

        Parameters
        ----------
        data
            New rows, in any form that `multilevel.fit` takes; by default the used rows of the fit.
        groups
            "known": the mean of the groups in the data, given their estimated effects; a level that is not
            in the data is an error. "new": the mean of groups that are not in the data; the interval
            contains the variance between groups. "typical": the mean of a group whose effects are zero.
            "average": the mean over all groups, integrated through the link. A mapping gives one of these
            for each grouping factor. Only known groups need their columns.
        interval
            Coverage of the interval, such as 0.9; ``None`` for predictions alone.
        observation
            Whether the interval is for a single observation instead of a mean.
        scale
            "response" for mean responses (probabilities where there are trials), "link" for linear
            predictors. The same in linear models.

        Returns
        -------
        Column prediction, of an ordinal response a column ``p(class)`` for each class; with an interval also
        std_error, lower, upper, and ``varies``: what the standard error contains. On the scale of the
        response intervals are those of the linear predictor taken through the inverse link, standard errors
        by the delta method. More in `multilevel.inference.predict.predict`.
        """
        return self.answers.predict(
            self, data, groups=groups, interval=interval, observation=observation, scale=scale
        )

    def residuals_of(self, kind: ResidualKind, *, seed: int | np.random.Generator | None = None) -> Floats:
        """Return residuals given the group effects, one for each row of the caller's table.

        Parameters
        ----------
        kind
            "response": `residuals`. "pearson": response less mean over its sd, dispersion included.
            "deviance": signed root of the row's deviance, in units of the dispersion. "quantile": normal
            quantile of the distribution function at the response, at random within the step of a response
            in whole numbers (Dunn and Smyth 1996); standard normal where the model holds.
        seed
            A whole number or a NumPy generator, for "quantile" of responses in whole numbers.

        Examples
        --------
        >>> import multilevel as ml
        >>> herds = ml.datasets.load("cbpp")
        >>> fit = ml.fit("prop(incidence, size) ~ period + (1 | herd)", herds, family="binomial")
        >>> fit.residuals_of("pearson")[:3].round(2).tolist()
        [-1.34, 1.08, 2.88]
        """
        return self.answers.residuals_of(self, kind, seed=seed)

    def simulate(
        self, n: int = 1, *, seed: int | np.random.Generator, groups: Literal["new", "known"] = "new"
    ) -> Floats:
        """Return ``(n, n_input)`` new responses for the rows of the fit, at the estimates.

        Parameters
        ----------
        n
            How many responses.
        seed
            A whole number or a NumPy generator.
        groups
            "new": group effects are drawn afresh for every response; "known": they stay as estimated.
        """
        return self.answers.simulate(self, n, seed=seed, groups=groups)

    def refit(self, y: object) -> Fit:
        """Return the same model fitted to another response.

        Parameters
        ----------
        y
            A number for each row of the table or used row, as `simulate` gives them: 0 and 1 of a Bernoulli
            response, successes where there are trials, class numbers from 1 of an ordinal response.
        """
        return self.answers.refit(self, y=y)

    def save(self, path: str | Path) -> None:
        """Write the fit to a file that `multilevel.load_fit` reads; nothing in it is executable."""
        self.answers.save(self, path)

    # Pages

    def to_latex(self) -> str:
        """Return the tables as LaTeX (booktabs)."""
        return self.answers.page(self, "latex")

    def to_markdown(self) -> str:
        """Return the tables as Markdown."""
        return self.answers.page(self, "markdown")

    def to_json(self) -> dict[str, Any]:
        """Return everything a reader of the fit needs as plain values that JSON can hold."""
        return self.answers.facts(self)

    def _repr_html_(self) -> str:
        return self.answers.page(self, "html")

    def __str__(self) -> str:
        return self.answers.page(self, "summary")

    if not TYPE_CHECKING:  # a checker knows what there is

        def __getattr__(self, name: str) -> NoReturn:
            raise absent_attribute(name)

    def __deepcopy__(self, memo: object) -> Fit:
        return self

    def __reduce__(self) -> NoReturn:
        raise not_pickled("load_fit")

    def __repr__(self) -> str:
        return f"Fit({self.formula!r}, method={self.method!r}, status={self.status.value!r})"


class Answers(NodeAnswers, BootstrapAnswers, Protocol):
    """The functions of the rooms below `results`, handed to a fit by the door."""

    def table(self, fit: Fit, question: Question) -> Frame:
        """Return one of the tables of a fit."""

    def page(self, fit: Fit, page: Page) -> str:
        """Return the fit as text."""

    def facts(self, fit: Fit) -> dict[str, Any]:
        """Return the fit as plain values that JSON can hold."""

    def fitted(self, fit: Fit) -> Floats:
        """Return fitted values for the caller's rows."""

    def residuals(self, fit: Fit) -> Floats:
        """Return residuals for the caller's rows."""

    def residuals_of(self, fit: Fit, kind: ResidualKind, *, seed: int | np.random.Generator | None) -> Floats:
        """Return residuals of one kind for the caller's rows."""

    def vcov(self, fit: Fit) -> Floats:
        """Return the covariance matrix of the coefficients."""

    def predict(
        self,
        fit: Fit,
        data: object,
        *,
        groups: Groups | Mapping[str, Groups],
        interval: float | None,
        observation: bool,
        scale: Scale,
    ) -> Frame:
        """Return a table of predictions."""

    def simulate(
        self, fit: Fit, n: int, *, seed: int | np.random.Generator, groups: Literal["new", "known"]
    ) -> Floats:
        """Return simulated responses."""

    def refit(self, fit: Fit, *, y: object = None, method: Method | None = None) -> Fit:
        """Return the same fit to another response, or by another method."""

    def save(self, fit: Fit, path: str | Path) -> None:
        """Write the fit to a file."""
