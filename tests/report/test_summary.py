"""The summary as it is printed."""

from __future__ import annotations

import dataclasses

import numpy as np

from multilevel.report import summary
from multilevel.report.summary import WIDTH
from tests.oracle import designs
from tests.oracle.fits import fit_design

EXPECTED = """\
Linear mixed model by REML
y ~ x + (x | g)

70 rows; g 12 levels
-2 restricted log-likelihood 176.960; AIC 188.960; BIC 202.451; 6 parameters

Variance components
  group     term           sd  variance  share  correlation
  g         Intercept  0.7553    0.5705  30.5%
            x          0.9842    0.9686  51.8%       -0.424
  Residual             0.5746    0.3302  17.7%

Fixed effects (t tests with Satterthwaite's degrees of freedom)
  term       estimate  std error  statistic    df       p  lower 95%  upper 95%
  Intercept    1.1208     0.2352       4.76  11.2  <0.001     0.6041     1.6374
  x            2.5958     0.3005       8.64   9.4  <0.001     1.9203     3.2714

The optimum is certified."""


def test_the_whole_page() -> None:
    assert summary(fit_design(designs.slopes())) == EXPECTED


def test_a_model_without_coefficients_has_no_table_of_them() -> None:
    fit = fit_design(designs.least_squares())
    fixed = dataclasses.replace(fit.design.fixed, names=(), X=np.empty((30, 0)))
    empty = dataclasses.replace(
        fit,
        design=dataclasses.replace(fit.design, fixed=fixed),
        solution=dataclasses.replace(fit.solution, beta=np.empty(0), vcov_beta=np.empty((0, 0))),
        memory={},
    )
    assert "Fixed effects" not in summary(empty)


def test_long_sentences_are_wrapped() -> None:
    fit = fit_design(designs.zero_variance())
    long = dataclasses.replace(fit.solution, sentence="word " * 60)
    lines = summary(dataclasses.replace(fit, solution=long)).splitlines()
    assert max(len(line) for line in lines) <= WIDTH
