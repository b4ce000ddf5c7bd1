"""Mean responses averaged over groups: closed forms, and adaptive quadrature by SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from multilevel.errors import OptionError
from multilevel.inference.averages import averaged, over_normal
from multilevel.model.families import inverse_link

ETA = np.array([-3.0, -0.4, 0.7, 2.5])
VARIANCE = np.array([0.0, 0.3, 2.0, 36.0])


def by_quadrature(link: str, eta: float, variance: float) -> float:
    """Return the average by adaptive quadrature."""

    def integrand(t: float) -> float:
        mean = inverse_link(link, np.array(eta + np.sqrt(variance) * t))
        return float(mean) * float(stats.norm.pdf(t))

    return float(integrate.quad(integrand, -12, 12, epsabs=1e-13, epsrel=1e-12, limit=500)[0])


@pytest.mark.parametrize("link", ["identity", "log", "logit", "probit", "cloglog", "sqrt"])
def test_averages_are_those_of_adaptive_quadrature(link: str) -> None:
    variance = np.minimum(VARIANCE, 2.0) if link == "log" else VARIANCE
    mean, slope = averaged(link, ETA, variance)
    known = [by_quadrature(link, e, v) for e, v in zip(ETA, variance, strict=True)]
    np.testing.assert_allclose(mean, known, rtol=2e-8)
    step = 1e-5
    difference = averaged(link, ETA + step, variance)[0] - averaged(link, ETA - step, variance)[0]
    np.testing.assert_allclose(slope, difference / (2 * step), rtol=1e-6)


def test_the_rule_gives_the_closed_forms_of_log_and_probit() -> None:
    v = np.minimum(VARIANCE, 2.0)
    for link in ("log", "probit"):
        found = over_normal(lambda x, link=link: inverse_link(link, x), ETA, np.sqrt(v))
        np.testing.assert_allclose(found, averaged(link, ETA, v)[0], rtol=1e-10)


def test_no_variance_gives_the_inverse_link() -> None:
    for link in ("logit", "inverse", "log"):
        np.testing.assert_array_equal(averaged(link, ETA, np.zeros(4))[0], inverse_link(link, ETA))


def test_the_inverse_link_has_no_average() -> None:
    with pytest.raises(OptionError, match="1 / \\(eta \\+ b\\) has no mean"):
        averaged("inverse", ETA, np.ones(4))


def test_any_shape_is_averaged() -> None:
    eta, variance = ETA.reshape(2, 2), np.array([[0.5], [2.0]])
    found = averaged("logit", eta, variance)
    flat = averaged("logit", ETA, np.array([0.5, 0.5, 2.0, 2.0]))
    for one, other in zip(found, flat, strict=True):
        np.testing.assert_allclose(one.ravel(), other, rtol=1e-14)
