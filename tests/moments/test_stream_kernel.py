"""The streaming kernel: sums of products by any keys, streams added together, what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.kernels import core

KINDS = ("range", "codes", "hashed")


def stream(kind: str, *, products: int = 5, size: int = 50) -> Any:
    """Return a kernel with columns 1 and 2, one factor of one key column and one of both."""
    own = [(0, 0), (0, 1), (1, 1), (0, 2), (1, 2), *[(2, 2)] * (products - 5)][:products]
    keys = [(kind, 0, size), ("hashed", 0, 0)]
    return core.Stream(3, keys, [([0], own), ([0, 1], own[:3])], [(2, 2)], [(0, 1, [0], [0, 1])])


@pytest.mark.parametrize("products", [1, 2, 3, 5, 8, 9, 17, 40])
@pytest.mark.parametrize("ordered", [True, False])
def test_sums_of_products_by_level(products: int, ordered: bool) -> None:
    rng = np.random.default_rng(3)
    n = 3000
    g, h = rng.integers(0, 50, n), rng.integers(-5, 5, n) * 10**17
    g = np.sort(g) if ordered else g
    x, y, root = rng.normal(size=n), rng.normal(size=n).astype(np.float32), rng.random(n)
    one = stream("range", products=products)
    one.add([(x, 0.5, 2.0), (y, 0.0, 1.0)], [g.astype(np.int16), h], n, root)
    columns = [root, (x - 0.5) * 2.0 * root, y.astype(np.float64) * root]
    pairs = [(0, 0), (0, 1), (1, 1), (0, 2), (1, 2), *[(2, 2)] * (products - 5)][:products]
    keys, sums = one.factor(0)
    values = np.stack([columns[a] * columns[b] for a, b in pairs], axis=1)
    wanted = np.array([values[g == level].sum(axis=0) for level in keys[0]])
    assert keys[0].tolist() == list(range(50))
    np.testing.assert_allclose(sums, wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(one.direct(), [(columns[2] ** 2).sum()], rtol=1e-14)
    both, _ = one.factor(1)
    assert set(zip(*(k.tolist() for k in both), strict=True)) == set(zip(g.tolist(), h.tolist(), strict=True))
    at_f, at_g, found = one.pair(0)
    for f, pair, sum_of in zip(at_f, at_g, found, strict=True):
        here = (g == keys[0][f]) & (g == both[0][pair]) & (h == both[1][pair])
        np.testing.assert_allclose(
            sum_of[0], [columns[0][here] @ columns[c][here] for c in (0, 1)], rtol=1e-9
        )


@pytest.mark.parametrize("kind", KINDS)
def test_streams_added_together_are_one_stream(kind: str) -> None:
    rng = np.random.default_rng(4)
    n = 2000
    g, h, x = rng.integers(0, 50, n), rng.integers(0, 7, n), rng.integers(-9, 9, n)
    whole, parts = stream(kind), [stream(kind) for _ in range(3)]
    whole.add([(x, 0.0, 1.0), (x, 0.0, 1.0)], [g, h], n, None)
    for number, part in enumerate(parts):
        rows = slice(n * number // 3, n * (number + 1) // 3)
        part.add([(x[rows], 0.0, 1.0)] * 2, [g[rows], h[rows]], len(x[rows]), None)
    for part in parts[1:]:
        parts[0].merge(part, [np.arange(50) if kind == "codes" else None, None])
    assert parts[0].counts()[0] == whole.counts()[0] == n
    for f in (0, 1):
        found = []
        for one in (parts[0], whole):
            keys, sums = one.factor(f)
            order = np.lexsort(keys)
            found.append((np.array(keys)[:, order], sums[order]))
        np.testing.assert_array_equal(found[0][0], found[1][0])
        np.testing.assert_array_equal(found[0][1], found[1][1])
    assert len(parts[0].pair(0)[0]) == len(whole.pair(0)[0])
    np.testing.assert_array_equal(parts[0].direct(), whole.direct())


def test_codes_of_another_stream_become_ones_of_this() -> None:
    x = np.ones(3)
    one, other = stream("codes"), stream("codes")
    one.add([(x, 0.0, 1.0)] * 2, [np.array([0, 1, 1]), np.zeros(3, np.int8)], 3, None)
    other.add([(x, 0.0, 1.0)] * 2, [np.array([0, 0, 1]), np.zeros(3, np.int8)], 3, None)
    one.merge(other, [np.array([1, 4]), None])
    keys, sums = one.factor(0)
    assert keys[0].tolist() == [0, 1, 4] and sums[:, 0].tolist() == [1.0, 4.0, 1.0]


def test_rows_with_nan_are_left_out_and_infinite_values_are_counted() -> None:
    x = np.array([1.0, np.nan, 3.0, np.inf])
    y = np.array([np.nan, np.nan, 2.0, 1.0], dtype=np.float32)
    one = stream("hashed")
    one.add([(x, 0.0, 1.0), (y, 0.0, 1.0)], [np.array([7, 8, 7, 9]), np.arange(4)], 4, None)
    rows, missing, infinite = one.counts()
    assert (rows, missing.tolist(), infinite.tolist()) == (2, [0, 1, 2], [0, 1, 0])
    assert sorted(one.factor(0)[0][0].tolist()) == [7, 9]


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_sums_over_all_rows_keep_their_digits(offset: float) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=200_000) + offset
    one = core.Stream(2, [], [], [(0, 1), (1, 1)], [])
    for rows in np.array_split(x, 13):
        one.add([(rows, 0.0, 1.0)], [], len(rows), None)
    exact = [float(np.sum(v.astype(np.longdouble))) for v in (x, x.astype(np.longdouble) ** 2)]
    np.testing.assert_allclose(one.direct(), exact, rtol=1e-15 if offset else 1e-12)


RANGES = {
    "unsigned": (np.uint32, 3_000_000_000, [3_000_000_000, 3_000_000_007]),
    "narrower than the range": (np.int32, -2_147_484_000, [-2_147_483_100, -2_147_483_648]),
    "wide": (np.int64, -(2**62), [-(2**62), -(2**62) + 9]),
    "bytes": (np.int8, -128, [-128, 127]),
}


@pytest.mark.parametrize(("kind", "low", "keys"), RANGES.values(), ids=RANGES)
def test_ranges_of_keys_may_be_anywhere(kind: type, low: int, keys: list[int]) -> None:
    one = core.Stream(1, [("range", low, 1000)], [([0], [(0, 0)])], [], [])
    one.add([], [np.array(keys, dtype=kind)], len(keys), None)
    found, sums = one.factor(0)
    assert found[0].tolist() == sorted(keys) and sums.ravel().tolist() == [1.0] * len(keys)


PLANS = {
    "columns": (0, [], [], [], []),
    "kind": (1, [("sorted", 0, 1)], [], [], []),
    "size": (1, [("range", 0, -1)], [], [], []),
    "key of a factor": (1, [], [([0], [(0, 0)])], [], []),
    "no key": (1, [], [([], [(0, 0)])], [], []),
    "first product": (2, [("range", 0, 1)], [([0], [(0, 1)])], [], []),
    "product": (1, [], [], [(0, 1)], []),
    "pair": (1, [("range", 0, 1)], [([0], [(0, 0)])], [], [(0, 1, [0], [0])]),
    "no effect": (1, [("range", 0, 1)], [([0], [(0, 0)])], [], [(0, 0, [], [0])]),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_plans_out_of_bounds_are_refused(plan: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        core.Stream(*plan)


def test_batches_that_do_not_fit_the_plan_are_refused() -> None:
    x, g = np.ones(3), np.array([0, 1, 2])
    good = [(x, 0.0, 1.0)] * 2
    one = stream("range", size=2)
    for columns, keys, rows, root in (
        (good[:1], [g, g], 3, None),
        (good, [g], 3, None),
        (good, [g, g], 2, None),
        (good, [g, g], 3, x[:2]),
        (good, [x, g], 3, None),
        ([(x.astype(complex), 0.0, 1.0)] * 2, [g, g], 3, None),
        (good, [g, g], 3, None),  # the key 2 is outside the range
        (good, [g - 1, g], 3, None),
        (good, [(g - 1).astype(np.int8), g], 3, None),
    ):
        with pytest.raises(ValueError, match=r"."):
            one.add(columns, keys, rows, root)
    for call in (lambda: one.factor(2), lambda: one.pair(1), lambda: one.merge(one, [None, None])):
        with pytest.raises(ValueError, match=r"."):
            call()
    with pytest.raises(ValueError, match="one plan"):
        one.merge(stream("hashed"), [None, None])
    with pytest.raises(ValueError, match="codes"):
        stream("codes").merge(_with_codes(), [np.zeros(1, np.int64), None])


def _with_codes() -> Any:
    one = stream("codes")
    one.add([(np.ones(3), 0.0, 1.0)] * 2, [np.arange(3), np.arange(3)], 3, None)
    return one


@pytest.mark.parametrize("start", [[], [0, 2, 1], [-1, 0], [0, 4]])
@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_texts_outside_their_bytes_are_refused(start: list[int], kind: type) -> None:
    with pytest.raises(ValueError, match="text"):
        core.TextNumbers().numbers(np.array(start, dtype=kind), np.zeros(3, dtype=np.uint8))
