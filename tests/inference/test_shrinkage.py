"""Points and ellipses of shrinkage: against least squares, predictions, and the chi-square distribution."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

import multilevel as ml
from multilevel.errors import OptionError
from multilevel.inference.pooling import poolings
from multilevel.inference.shrinkage import COVERAGES, ellipses, shrinkage
from tests.oracle.posteriors import sleep_posterior

AT = {"day 1": {"days": 1}, "day 8": {"days": 8}}
MORE = {"low": {"x": -1.0, "z": 2.0, "o": 5.0}, "high": {"x": 1.0, "z": 3.0, "o": 7.0}}


@pytest.fixture(scope="module")
def sleep() -> ml.Fit:
    return ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))


def clinics() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(15), 6)
    x, z, o = rng.normal(size=(3, g.size))
    b = rng.normal(size=(15, 2)) @ [[1.0, 0.6], [0.0, 0.8]]
    y = 4 + b[g, 0] + (1 + b[g, 1]) * x + 0.5 * z + o + rng.normal(size=g.size)
    return pd.DataFrame({"y": y, "x": x, "z": z, "o": o, "g": g})


def test_points_of_coefficients_are_those_of_the_three_poolings(sleep: ml.Fit) -> None:
    table, points = pd.DataFrame(dict(poolings(sleep))), shrinkage(sleep)
    for axis, term in (("x", "Intercept"), ("y", "days")):
        own = table[table["term"] == term]
        assert points["level"] == own["level"].tolist()
        np.testing.assert_allclose(points[f"{axis}_none"], own["none"], rtol=1e-12)
        np.testing.assert_allclose(points[f"{axis}_partial"], own["partial"], rtol=1e-12)
    assert points["n"].tolist() == [10] * 18


def test_axes_can_be_chosen(sleep: ml.Fit) -> None:
    usual = shrinkage(sleep)
    for found in (shrinkage(sleep, x="days"), shrinkage(sleep, y="Intercept")):
        np.testing.assert_array_equal(found["y_none"], usual["x_none"])
        np.testing.assert_array_equal(found["x_partial"], usual["y_partial"])
    turned = ellipses(sleep, x="days")
    np.testing.assert_allclose(turned["x"], ellipses(sleep)["y"])


def test_points_of_outcomes_are_predictions() -> None:
    """Partial: `predict` of known groups. None: dense least squares of each group with common ``z``."""
    data = clinics()
    fit = ml.fit("y ~ x + z + (x | g)", data, offset="o")
    points = shrinkage(fit, at=MORE)
    indicators = pd.get_dummies(data["g"]).to_numpy(dtype=float)
    X = np.hstack([indicators, indicators * data[["x"]].to_numpy(), data[["z"]].to_numpy()])
    beta, *_ = np.linalg.lstsq(X, data["y"] - data["o"], rcond=None)
    for axis, place in zip("xy", MORE.values(), strict=True):
        new = pd.DataFrame({"g": range(15), **place})
        expected = fit.predict(new)["prediction"].to_numpy()
        order = [int(level) for level in points["level"]]
        np.testing.assert_allclose(points[f"{axis}_partial"], expected[order], rtol=1e-10)
        none = beta[:15] + beta[15:30] * place["x"] + beta[30] * place["z"] + place["o"]
        np.testing.assert_allclose(points[f"{axis}_none"], none[order], rtol=1e-9)


@pytest.mark.parametrize("at", [None, AT])
def test_ellipses_are_contours_of_the_bivariate_normal(sleep: ml.Fit, at: dict[str, dict[str, int]]) -> None:
    """On the boundary the squared Mahalanobis distance is the chi-square quantile with two degrees."""
    A = np.eye(2) if at is None else np.array([[1.0, 1.0], [1.0, 8.0]])
    D = A @ sleep.solution.covariances[0] @ A.T
    table = pd.DataFrame(dict(ellipses(sleep, at=at)))
    assert table["coverage"].tolist() == list(COVERAGES) == [0.1, 0.3, 0.5, 0.8, 0.99]
    assert table["angle"].between(-90, 90, inclusive="right").all()
    around = np.linspace(0, 2 * np.pi, 17)
    for ring in table.itertuples():
        turn = np.radians(ring.angle)
        flat = np.array([np.cos(around) * ring.width / 2, np.sin(around) * ring.height / 2])
        points = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ flat
        distance = np.einsum("in,ij,jn->n", points, np.linalg.inv(D), points)
        np.testing.assert_allclose(distance, chi2.ppf(ring.coverage, 2), rtol=1e-9)
        np.testing.assert_allclose([ring.x, ring.y], A @ sleep.solution.beta)


def test_a_singular_covariance_has_flat_ellipses() -> None:
    fit = ml.fit("y ~ x + (1 | g)", clinics())
    rings = ellipses(fit, at={"low": {"x": 0}, "high": {"x": 1}})
    np.testing.assert_allclose(rings["height"], 0.0, atol=1e-7)
    np.testing.assert_allclose(rings["angle"], 45.0)


def test_groups_that_do_not_determine_a_place_are_blank() -> None:
    data = clinics()
    kept = data[(data["g"] > 0) | (data.index == 0)]
    points = shrinkage(ml.fit("y ~ x + (x | g)", kept))
    assert points["x_none"][0] is None
    assert points["y_none"][0] is None
    assert np.isfinite(points["x_partial"]).all()
    assert points["n"][0] == 1


def test_of_a_posterior_at_its_means() -> None:
    post = sleep_posterior()
    points, rings = shrinkage(post, at=AT), ellipses(post, coverages=[0.5])
    coefficients = post.group_coefficients["mean"].to_numpy().reshape(18, 2)
    np.testing.assert_allclose(points["x_partial"], coefficients @ [1.0, 1.0])
    np.testing.assert_allclose(points["y_partial"], coefficients @ [1.0, 8.0])
    np.testing.assert_allclose([rings["x"][0], rings["y"][0]], post.fixed_effects["mean"])
    sds, R = post.sampled.sds[0], post.sampled.correlations[0]
    D = np.mean(sds[..., :, None] * R * sds[..., None, :], axis=(0, 1))
    area = np.pi * rings["width"][0] * rings["height"][0] / 4
    assert area == pytest.approx(np.pi * chi2.ppf(0.5, 2) * np.sqrt(np.linalg.det(D)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": "day"}, "two different effects of the groups, which are: 'Intercept', 'days'"),
        ({"x": "days", "y": "days"}, "the plane of 'days' and 'days'"),
        ({"x": "days", "at": AT}, "x or y was given beside at"),
        ({"at": {"one": {"days": 1}}}, "has 1 places"),
        ({"at": {"one": {"days": 1}, "two": {}}}, r"at\['two'\] has no value of `days`"),
    ],
)
def test_other_planes_are_refused(sleep: ml.Fit, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        shrinkage(sleep, **options)  # type: ignore[arg-type]


def test_one_effect_is_no_plane() -> None:
    with pytest.raises(OptionError, match="in the plane of 'Intercept' was asked"):
        shrinkage(ml.fit("y ~ x + (1 | g)", clinics()))


def test_coverages_are_shares(sleep: ml.Fit) -> None:
    with pytest.raises(OptionError, match=r"coverages=1\.5 is not a coverage"):
        ellipses(sleep, coverages=[1.5])
