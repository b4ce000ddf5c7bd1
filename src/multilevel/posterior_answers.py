"""What a posterior answers: each question goes to the room that knows; and how a saved one is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from multilevel.data.give_back import to_library
from multilevel.design import bind
from multilevel.design.bound_priors import BoundPriors
from multilevel.errors import OptionError
from multilevel.graphs import saved_model
from multilevel.inference.new_data import read_new_data
from multilevel.inference.posterior_arviz import to_arviz
from multilevel.inference.posterior_draws import draws_columns, named_draws
from multilevel.inference.posterior_generalised import is_generalised
from multilevel.inference.posterior_groups import leave_group_out
from multilevel.inference.posterior_loo import leave_one_out
from multilevel.inference.posterior_predict import posterior_predict
from multilevel.inference.posterior_predict_generalised import predict_generalised
from multilevel.inference.posterior_simulate import posterior_simulate
from multilevel.inference.posterior_tables import (
    coefficient_covariance,
    posterior_fitted,
    posterior_residuals,
    posterior_table,
)
from multilevel.inference.prior_predictive import prior_predictive
from multilevel.moments import summarise
from multilevel.node_answers import AnswersAboutNodes
from multilevel.report.posterior_pages import (
    posterior_facts,
    posterior_html,
    posterior_latex,
    posterior_markdown,
    posterior_summary,
)
from multilevel.results.options import check_choice
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_questions import Included, LeaveOneOut, NamedDraws, PriorPredictive
from multilevel.results.posterior_store import read_posterior, save_posterior, verify_posterior
from multilevel.results.questions import Frame, Groups, Page, PosteriorQuestion, Scale

Floats = NDArray[np.float64]

PAGES = {
    "summary": posterior_summary,
    "latex": posterior_latex,
    "markdown": posterior_markdown,
    "html": posterior_html,
}


@dataclasses.dataclass(frozen=True, slots=True)
class DrawAnswers(AnswersAboutNodes):
    """`PosteriorAnswers` from draws, whatever engine made them."""

    def draws(self, posterior: Posterior) -> NamedDraws:
        """Return the draws by name."""
        return named_draws(posterior)

    def draws_table(self, posterior: Posterior) -> Frame:
        """Return the draws as a table in the caller's library."""
        return to_library(draws_columns(posterior), posterior.table.library)

    def table(self, posterior: Posterior, question: PosteriorQuestion) -> Frame:
        """Return one of the tables of a posterior in the caller's library."""
        return to_library(posterior_table(posterior, question), posterior.table.library)

    def page(self, posterior: Posterior, page: Page) -> str:
        """Return the posterior as text."""
        return PAGES[page](posterior)

    def facts(self, posterior: Posterior) -> dict[str, Any]:
        """Return the posterior as plain values that JSON can hold."""
        return posterior_facts(posterior)

    def vcov(self, posterior: Posterior) -> Floats:
        """Return the covariance matrix of the coefficients."""
        return coefficient_covariance(posterior)

    def fitted(self, posterior: Posterior) -> Floats:
        """Return fitted values for the caller's rows."""
        return posterior_fitted(posterior)

    def residuals(self, posterior: Posterior) -> Floats:
        """Return residuals for the caller's rows."""
        return posterior_residuals(posterior)

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
        """Return a table of predictions, in the library of the new data."""
        if is_generalised(posterior):
            return self._predict_generalised(
                posterior, data, groups=groups, interval=interval, observation=observation, scale=scale
            )
        check_choice("scale", scale, get_args(Scale))
        if data is None:
            columns = posterior_predict(posterior, groups=groups, interval=interval, observation=observation)
            return to_library(columns, posterior.table.library)
        new = read_new_data(posterior, data, groups=groups, observation=observation)
        columns = posterior_predict(
            posterior,
            new.rows,
            groups=groups,
            interval=interval,
            observation=observation,
            precision=new.precision,
        )
        return to_library(columns, new.library)

    def _predict_generalised(
        self,
        posterior: Posterior,
        data: object,
        *,
        groups: Groups | Mapping[str, Groups],
        interval: float | None,
        observation: bool,
        scale: Scale,
    ) -> Frame:
        """Return a table of predictions of mean responses."""
        rows, trials, library = None, None, posterior.table.library
        if data is not None:
            new = read_new_data(posterior, data, groups=groups, observation=observation)
            rows, trials, library = new.rows, new.trials, new.library
        columns = predict_generalised(
            posterior,
            rows,
            groups=groups,
            interval=interval,
            observation=observation,
            scale=scale,
            trials=trials,
        )
        return to_library(columns, library)

    def simulate(
        self,
        posterior: Posterior,
        n: int,
        *,
        seed: int | np.random.Generator,
        groups: Literal["known", "new"],
    ) -> Floats:
        """Return simulated responses."""
        return posterior_simulate(posterior, n, seed=seed, groups=groups)

    def loo(self, posterior: Posterior, *, group: str | None) -> LeaveOneOut:
        """Return leave-one-out predictive densities, of rows or of the levels of a grouping factor."""
        return leave_one_out(posterior) if group is None else leave_group_out(posterior, group)

    def prior_predictive(
        self, posterior: Posterior, draws: int, *, seed: int | np.random.Generator
    ) -> PriorPredictive:
        """Return draws from the priors and the responses that follow from them.

        Raises
        ------
        OptionError
            If the posterior was loaded from a file, which has the texts of the priors only.
        """
        if not isinstance(posterior.priors, BoundPriors):
            raise OptionError(
                "prior_predictive was asked of a posterior that was loaded from a file, which holds only the"
                " texts of its priors",
                allowed="a posterior that was sampled here",
                remedy="multilevel.prior_predictive(model, data, priors, seed=...)",
            )
        return prior_predictive(posterior.design, posterior.priors, draws=draws, seed=seed)

    def save(self, posterior: Posterior, path: str | Path) -> None:
        """Write the posterior to a file."""
        save_posterior(posterior, path)

    def to_arviz(
        self, posterior: Posterior, *, include: Sequence[Included], seed: int | np.random.Generator
    ) -> Any:
        """Return the draws for ArviZ."""
        return to_arviz(posterior, include=include, seed=seed)


POSTERIOR_ANSWERS = DrawAnswers()


def load_saved_posterior(path: str | Path) -> Posterior:
    """Load a posterior that `Posterior.save` wrote: the same draws, bound to the same data again.

    Raises
    ------
    StorageError
        If the file is absent, damaged, of another version, or not a saved posterior.
    """
    saved = read_posterior(path)
    options = saved.options
    if saved.stored is not None:
        model = saved_model(saved.text, saved.graph, saved.stored.columns, options)
        design, moments = saved.stored.bound(model)
        verify_posterior(saved, design)
        return Posterior(
            design, moments, saved.sampled, saved.priors, saved.table, options, POSTERIOR_ANSWERS
        )
    model = saved_model(saved.text, saved.graph, saved.table.columns, options)
    design = bind(
        model,
        saved.table,
        precision_weights=options.precision_weights,
        frequency_weights=options.frequency_weights,
        offset=options.offset,
        residual_sd=options.residual_sd,
        residual_groups=options.residual_groups,
        missing=options.missing,
        fewest_levels=1,
    )
    verify_posterior(saved, design)
    summed = summarise(design) if options.linear else None
    return Posterior(design, summed, saved.sampled, saved.priors, saved.table, options, POSTERIOR_ANSWERS)
