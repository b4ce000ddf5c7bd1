"""Complete and no pooling against dense least squares; partial pooling against the closed form."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import multilevel as ml
from multilevel.errors import AliasedWarning, OptionError
from multilevel.inference.pooling import levels_by_size, no_pooling, poolings


def visits(seed: int = 5, groups: int = 12) -> pd.DataFrame:
    """Return groups of 3 to 8 rows, with two predictors, a group-level one, weights and known sds."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), rng.integers(3, 9, groups))
    x, z = rng.normal(size=g.size), rng.normal(size=g.size)
    b = rng.normal(size=(groups, 2)) * (2.0, 0.7)
    sd = rng.uniform(0.5, 2.0, groups)[g]
    y = 10 + b[g, 0] + (1.5 + b[g, 1]) * x - 0.8 * z + sd * rng.normal(size=g.size)
    weight = rng.integers(1, 4, g.size).astype(float)
    return pd.DataFrame(
        {"y": y, "x": x, "z": z, "g": g.astype(str), "w": weight, "sd": sd, "high": 1.0 * (g > 5)}
    )


def dense(data: pd.DataFrame, own: list[str], common: list[str], weight: np.ndarray) -> dict[str, np.ndarray]:
    """Return least squares with indicators of the groups, by `numpy.linalg.lstsq` on dense columns."""
    indicators = pd.get_dummies(data["g"]).sort_index(axis=1).to_numpy(dtype=float)
    effects = [np.ones(len(data)) if name == "Intercept" else data[name].to_numpy() for name in own]
    X = np.hstack([indicators * effect[:, None] for effect in effects] + [data[common].to_numpy()])
    root = np.sqrt(weight)
    beta, *_ = np.linalg.lstsq(X * root[:, None], data["y"].to_numpy() * root, rcond=None)
    rss = float(np.sum((root * (data["y"].to_numpy() - X @ beta)) ** 2))
    inverse = np.diag(np.linalg.inv((X * weight[:, None]).T @ X))
    m, k = indicators.shape[1], len(own)
    return {
        "own": beta[: m * k].reshape(k, m).T,
        "unit": np.sqrt(inverse)[: m * k].reshape(k, m).T,
        "common": beta[m * k :],
        "rss": np.array(rss),
        "p": np.array(X.shape[1]),
    }


@pytest.mark.parametrize(
    ("formula", "own", "common"),
    [
        ("y ~ 1 + (1 | g)", ["Intercept"], []),
        ("y ~ x + z + (1 | g)", ["Intercept"], ["x", "z"]),
        ("y ~ x + z + (x | g)", ["Intercept", "x"], ["z"]),
        ("y ~ x + z + (0 + x | g)", ["x"], ["z"]),
        ("y ~ x + (x || g)", ["Intercept", "x"], []),
    ],
)
@pytest.mark.parametrize("weighted", ["", "precision_weights", "frequency_weights"])
def test_no_pooling_is_least_squares_with_indicators(
    formula: str, own: list[str], common: list[str], weighted: str
) -> None:
    """Tolerance: two ways of solving well-conditioned least squares, 1e-9 of the numbers."""
    data = visits()
    if "Intercept" not in own:
        data["y"] -= 10.0
        formula = formula.replace("~ x", "~ 0 + x")
    weight = data["w"].to_numpy() if weighted else np.ones(len(data))
    fit = ml.fit(formula, data, **({weighted: "w"} if weighted else {}))
    found, expected = no_pooling(fit), dense(data, own, common, weight)
    n = weight.sum() if weighted == "frequency_weights" else len(data)
    sigma = np.sqrt(expected["rss"] / (n - expected["p"]))
    assert found.names == tuple(own)
    assert found.common_names == tuple(common)
    np.testing.assert_allclose(found.own, expected["own"], rtol=1e-9)
    np.testing.assert_allclose(found.common, expected["common"], rtol=1e-9)
    np.testing.assert_allclose(found.sigma, sigma, rtol=1e-9)
    np.testing.assert_allclose(found.std_errors, sigma * expected["unit"], rtol=1e-9)


def test_complete_pooling_is_least_squares_without_groups() -> None:
    data = visits()
    X = np.column_stack([np.ones(len(data)), data["x"], data["z"]])
    beta, rss, *_ = np.linalg.lstsq(X, data["y"], rcond=None)
    table = poolings(ml.fit("y ~ x + z + (x | g)", data))
    errors = np.sqrt(rss[0] / (len(data) - 3) * np.diag(np.linalg.inv(X.T @ X)))
    np.testing.assert_allclose(np.reshape(table["complete"], (12, 2))[3], beta[:2], rtol=1e-10)
    np.testing.assert_allclose(np.reshape(table["complete_std_error"], (12, 2))[7], errors[:2], rtol=1e-10)


def test_partial_pooling_is_the_groups_coefficients_and_their_prediction_errors() -> None:
    data = visits()
    fit = ml.fit("y ~ x + z + (x | g)", data)
    table = pd.DataFrame(dict(poolings(fit)))
    pd.testing.assert_series_equal(table["partial"], fit.group_coefficients["estimate"], check_names=False)
    pd.testing.assert_series_equal(table["pooling"], fit.random_effects["pooling"])
    assert table["level"].tolist() == fit.random_effects["level"].tolist()
    at = fit.predict({"x": [0.0], "z": [0.0], "g": ["3"]}, interval=0.9)
    row = table[(table["level"] == "3") & (table["term"] == "Intercept")].iloc[0]
    assert row["partial"] == pytest.approx(at["prediction"][0], rel=1e-12)
    assert row["partial_std_error"] == pytest.approx(at["std_error"][0], rel=1e-9)
    assert table["n"].tolist() == np.repeat(data.groupby("g").size().sort_index(), 2).tolist()


def test_two_terms_of_a_factor_keep_the_order_of_the_tables() -> None:
    fit = ml.fit("y ~ x + (x || g)", visits(), lme4_compat=True)
    assert len(fit.design.terms) == 2
    table = poolings(fit)
    own = no_pooling(fit).own
    np.testing.assert_array_equal(table["none"], np.concatenate([own[:, 0], own[:, 1]]))
    assert table["term"] == fit.random_effects["term"].tolist()
    np.testing.assert_array_equal(table["partial"], fit.group_coefficients["estimate"])


@pytest.mark.parametrize("by", ["column", "group"])
def test_known_residual_sds_give_the_closed_form_of_partial_pooling(by: str) -> None:
    """``E[R_j | X] = w_j mean_j + (1 - w_j) R`` with ``w_j = s2 / (s2 + V_j)``.

    ``V_j = 1 / sum_i 1 / s_ij^2``, which is ``s_j^2 / n_j`` where the sd is the same in the group.
    """
    rng = np.random.default_rng(8)
    friends = visits(seed=8, groups=30)
    friends["s"] = friends["sd"] if by == "group" else rng.uniform(0.5, 2.0, len(friends))
    friends["y"] = friends["g"].astype(int) % 7 + friends["s"] * rng.normal(size=len(friends))
    fit = ml.fit("y ~ 1 + (1 | g)", friends, residual_sd="s")
    precision = 1 / friends["s"] ** 2
    V = 1 / precision.groupby(friends["g"]).sum()
    means = (friends["y"] * precision).groupby(friends["g"]).sum() * V
    if by == "group":
        rows = friends.groupby("g")
        np.testing.assert_allclose(V, rows["s"].first() ** 2 / rows.size(), rtol=1e-12)
    s2 = fit.variance_components["variance"][0]
    w = s2 / (s2 + V)
    table = pd.DataFrame(dict(poolings(fit))).set_index("level")
    np.testing.assert_allclose(table["pooling"], w.loc[table.index], rtol=1e-10)
    np.testing.assert_allclose(table["none"], means.loc[table.index], rtol=1e-10)
    np.testing.assert_allclose(table["none_std_error"], np.sqrt(V.loc[table.index]), rtol=1e-10)
    centre = fit.fixed_effects["estimate"][0]
    expected = w * means + (1 - w) * centre
    np.testing.assert_allclose(table["partial"], expected.loc[table.index], rtol=1e-10)


def test_groups_too_small_have_blanks_and_the_table_says_so() -> None:
    data = visits()
    rows = data.groupby("g").cumcount()
    kept = data[~((data["g"] == "4") & (rows > 0))].copy()  # one row
    kept.loc[kept["g"] == "7", "x"] = 0.0  # a slope that nothing tells, an intercept that all rows do
    table = pd.DataFrame(dict(poolings(ml.fit("y ~ x + (x | g)", kept)))).set_index(["level", "term"])
    assert table.loc["4", "none"].isna().all()
    assert table.loc["4", "none_std_error"].isna().all()
    assert set(table.loc["4", "remark"]) == {"not determined by 1 row alone"}
    assert pd.isna(table.loc[("7", "x"), "none"])
    seven = kept[kept["g"] == "7"]["y"]
    assert table.loc[("7", "Intercept"), "none"] == pytest.approx(seven.mean())
    assert table.loc[("7", "Intercept"), "remark"] == ""
    assert table["partial"].notna().all()


def test_nothing_left_to_estimate_the_residual_from() -> None:
    """Five groups and a slope on six rows: no pooling fits them exactly and has no standard errors."""
    data = pd.DataFrame({"y": [1.0, 2, 4, 3, 5, 9], "x": [0.0, 1, 3, 2, 0, 1], "g": list("aabcde")})
    table = poolings(ml.fit("y ~ x + (1 | g)", data))
    assert table["none_std_error"] == [None] * 5
    np.testing.assert_allclose(table["none"], [1.0, 1.0, 1.0, 5.0, 8.0], atol=1e-12)  # slope 1


def test_known_residual_sds_need_no_rows_to_spare() -> None:
    data = pd.DataFrame({"y": [1.0, 2, 4, 3, 5, 9], "x": [0.0, 1] * 3, "g": list("aabbcc"), "s": [1.0] * 6})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.BoundaryWarning)
        found = no_pooling(ml.fit("y ~ x + (x | g)", data, residual_sd="s"))
    np.testing.assert_allclose(found.own[0], [1.0, 1.0])
    np.testing.assert_allclose(found.std_errors[0], [1.0, np.sqrt(2)])


def test_group_level_predictors_are_left_out_with_a_warning() -> None:
    fit = ml.fit("y ~ x + high + (1 | g)", visits())
    with pytest.warns(AliasedWarning, match="no pooling has no coefficient of `high`"):
        found = no_pooling(fit)
    assert found.left_out == ("high",)
    assert found.common_names == ("x",)


def test_an_effect_that_the_fixed_part_does_not_have_is_zero_in_complete_pooling() -> None:
    table = pd.DataFrame(dict(poolings(ml.fit("y ~ 1 + (x | g)", visits())))).set_index(["level", "term"])
    assert table.loc[("3", "x"), "complete"] == 0.0
    assert pd.isna(table.loc[("3", "x"), "complete_std_error"])


def test_offsets_are_taken_off_first() -> None:
    data = visits()
    shifted = data.assign(y=data["y"] + 100.0 * data["z"])
    plain = poolings(ml.fit("y ~ x + (x | g)", data))
    moved = poolings(ml.fit("y ~ x + (x | g)", shifted, offset=100.0 * data["z"].to_numpy()))
    for name in ("complete", "none", "partial"):
        np.testing.assert_allclose(moved[name], plain[name], rtol=1e-8)


def test_levels_by_size_have_one_standard_error_to_each_side() -> None:
    fit = ml.fit("y ~ x + z + (x | g)", visits())
    whole = pd.DataFrame(dict(poolings(fit))).query("term == 'x'").set_index("level")
    found = pd.DataFrame(dict(levels_by_size(fit, term="x"))).set_index("level")
    assert found["n"].is_monotonic_increasing
    assert found["rank"].tolist() == list(range(1, 13))
    own = whole.loc[found.index]
    for name in ("none", "partial"):
        np.testing.assert_array_equal(found[name], own[name])
        np.testing.assert_allclose(found[f"{name}_lower"], own[name] - own[f"{name}_std_error"])
        np.testing.assert_allclose(found[f"{name}_upper"], own[name] + own[f"{name}_std_error"])
    assert levels_by_size(fit)["term"] == ["Intercept"] * 12
    with pytest.raises(OptionError, match="the poolings of 'slope' were asked"):
        levels_by_size(fit, term="slope")


@pytest.mark.parametrize(
    ("formula", "found"),
    [
        ("y ~ x", "0 grouping factors: none"),
        ("y ~ x + (1 | g) + (1 | high)", "2 grouping factors: `g`, `high`"),
    ],
)
def test_other_models_are_refused(formula: str, found: str) -> None:
    fit = ml.fit(formula, visits())
    with pytest.raises(OptionError, match=found):
        poolings(fit)


def test_posteriors_are_refused() -> None:
    post = ml.sample("y ~ x + (1 | g)", visits(), seed=1)
    with pytest.raises(OptionError, match="asked of a posterior"):
        ml.plots.tables.poolings(post)  # type: ignore[arg-type]


def test_families_are_refused() -> None:
    fit = ml.fit("ticks ~ 1 + (1 | brood)", ml.datasets.load("grouseticks"), family="poisson")
    with pytest.raises(OptionError, match=r"asked of poisson \(log link\)"):
        poolings(fit)
