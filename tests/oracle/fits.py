"""Fits made by the dense oracle; they answer every question that needs no engine but it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from multilevel import inference, report
from multilevel.data.table import Column, Table
from multilevel.design.design import Design
from multilevel.inference import table
from multilevel.results import Fit, FitOptions, save
from tests.oracle.solution import solve

PAGES = {
    "summary": report.summary,
    "latex": report.to_latex,
    "markdown": report.to_markdown,
    "html": report.to_html,
}


class OracleAnswers:
    """`Answers` whose engine is the dense oracle and whose tables are pandas frames."""

    def table(self, fit: Fit, question: Any) -> pd.DataFrame:
        return pd.DataFrame(dict(table(fit, question)))

    def page(self, fit: Fit, page: str) -> str:
        return PAGES[page](fit)

    def facts(self, fit: Fit) -> dict[str, Any]:
        return report.facts(fit)

    def fitted(self, fit: Fit) -> np.ndarray:
        return inference.fitted(fit)

    def residuals(self, fit: Fit) -> np.ndarray:
        return inference.residuals(fit)

    def vcov(self, fit: Fit) -> np.ndarray:
        return inference.vcov(fit)

    def predict(self, fit: Fit, data: Any, **keywords: Any) -> pd.DataFrame:
        return pd.DataFrame(dict(inference.predict(fit, data, **keywords)))

    def simulate(self, fit: Fit, n: int, **keywords: Any) -> np.ndarray:
        return inference.simulate(fit, n, **keywords)

    def refit(self, fit: Fit, *, y: Any = None, method: Any = None) -> Fit:
        design = fit.design if y is None else dataclasses.replace(fit.design, y=np.asarray(y, dtype=float))
        return fit_design(design, dataclasses.replace(fit.options, method=method or fit.method))

    def save(self, fit: Fit, path: str | Path) -> None:
        save(fit, path)


def fit_design(design: Design, options: FitOptions | None = None, **changes: Any) -> Fit:
    """Fit a design by the oracle; keywords change the options."""
    options = dataclasses.replace(options or FitOptions(), **changes)
    return Fit(
        design=design,
        moments=None,
        solution=solve(design, options.method),
        table=table_of(design),
        options=options,
        answers=OracleAnswers(),
    )


def table_of(design: Design) -> Table:
    """Return a table with the response and the columns of the grouping factors of a design."""
    columns: Mapping[str, Column] = {
        design.model.response: Column(design.model.response, design.y),
        **{f.name: Column(f.name, f.index, f.levels) for f in design.factors},
    }
    return Table(columns, design.n_rows, design.library)
