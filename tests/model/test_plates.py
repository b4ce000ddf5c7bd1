"""Which plate stands inside which."""

from __future__ import annotations

import pytest

import multilevel as ml
from multilevel.model.plates import plates_of

NESTS = [
    ("y ~ Normal(m, s)", ["rows"]),
    ("a[g] ~ Normal(m, t); y ~ Normal(a[g], s)", ["g", ["rows"]]),
    ("a[g] ~ Normal(m, t); b[h] ~ Normal(0, u); y ~ Normal(a[g] + b[h], s)", ["g", "h", "rows"]),
    ("a[app] ~ Normal(p[pub], t); p[pub] ~ Normal(m, u); y ~ Normal(a[app], s)", ["pub", ["app", ["rows"]]]),
    ("c[g, h] ~ Normal(0, t); a[g] ~ Normal(m, u); y ~ Normal(a[g] + c[g, h], s)", ["g", ["h", ["rows"]]]),
    ("c[g, h] ~ Normal(0, t); d[h, g] ~ Normal(0, u); y ~ Normal(c[g, h] + d[g, h] * x, s)",
     ["g, h", ["rows"]]),
    ("a[g] ~ Normal(m, t); b[g, h] ~ Normal(0, u); c[g, k] ~ Normal(0, v);"
     "y ~ Normal(a[g] + b[g, h] + c[g, k], s)", ["g", ["h", "k"], "rows"]),
    ("y ~ Normal(m, s[g])", ["g", ["rows"]]),
    ("a[g] ~ Normal(b[h], t); b[h] ~ Normal(0, u); c[h] ~ Normal(d[g], v); d[g] ~ Normal(0, w);"
     "y ~ Normal(a[g] + c[h] * x, s)", ["h", ["g", ["rows"]]]),
]  # fmt: skip


def nest(plates):
    """Return labels, those of the plates inside as lists after their own."""
    found = []
    for plate in plates:
        found.append(plate.label)
        if plate.inside:
            found.append(nest(plate.inside))
    return found


@pytest.mark.parametrize(("graph", "wanted"), NESTS)
def test_nests(graph, wanted):
    assert nest(plates_of(ml.graph(graph).quantities())) == wanted


def test_every_variable_is_in_one_plate():
    found = ml.formula("y ~ x + (x | a/b) + (1 | c)").quantities()
    names = [name for top in plates_of(found) for name in top.everything()]
    assert sorted(names) == sorted(row.name for row in found.rows if "variable" in row.role)
