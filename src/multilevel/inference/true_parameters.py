"""The parameters of a graph given by their own names, for simulation: all there, each of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.errors import OptionError
from multilevel.model import Model
from multilevel.model.graph import Graph
from multilevel.model.quantities import parameter_of

Floats = NDArray[np.float64]
ROUNDING = 1e-10


def parameter_names(model: Model) -> tuple[str, ...]:
    """Return the names of every parameter of a graph, in the order of its statements.

    Parameters
    ----------
    model
        A model with a graph.

    Returns
    -------
    Coefficients, sds and covariance matrices of nodes, the residual sd or the parameters of the law of
    residual sds (the sds themselves if they have no law), parameters of the family; ``"thresholds"``.

    Examples
    --------
    >>> from multilevel.language.graph import parse_graph
    >>> parameter_names(parse_graph("A[g] ~ Normal(mu, tau); y ~ Normal(A[g], 2)"))
    ('mu', 'tau')
    """
    graph = _graph(model)
    found = [*graph.coefficients]
    for node in graph.nodes:
        found += [parameter_of(sd) for sd in node.sds if isinstance(sd, str)]
        found += [name for name in (node.covariance, node.correlation) if name]
    if graph.residual_groups:
        law = [parameter_of(name) for name in graph.residual_law[1:] if isinstance(name, str)]
        found += law if graph.residual_law else [str(graph.residual)]
    elif isinstance(graph.residual, str) and graph.residual and not graph.residual_column:
        found.append(parameter_of(graph.residual))
    found += [name for name in family_names(model) if not _is_number(name)]
    return tuple(dict.fromkeys(found))


def family_names(model: Model) -> tuple[str, ...]:
    """Return the graph's names of the family's parameters, in the order of the family."""
    if model.family.is_linear:
        return ()
    if model.family.name == "ordinal":
        return ("thresholds",)
    return tuple(_graph(model).family_parameters.get(name, name) for name in model.family.parameters)


def check_parameters(model: Model, given: object) -> dict[str, Any]:
    """Return the parameters, or raise if one is missing or unknown.

    Raises
    ------
    OptionError
        Naming all that are missing and all that are unknown.
    """
    names = parameter_names(model)
    if not isinstance(given, Mapping):
        raise OptionError(
            f"the parameters are {type(given).__name__}",
            allowed="a dictionary with the value of " + ", ".join(repr(name) for name in names),
        )
    missing = [name for name in names if name not in given]
    unknown = [str(name) for name in given if name not in names]
    if missing or unknown:
        words = [f"missing: {', '.join(map(repr, missing))}"] if missing else []
        words += [f"not in the graph: {', '.join(map(repr, unknown))}"] if unknown else []
        near = get_close_matches(unknown[0][:60], missing or names, n=1) if unknown else []
        raise OptionError(
            "parameters " + "; ".join(words),
            allowed=", ".join(repr(name) for name in names) or "none: this graph has no parameters",
            remedy=f"{near[0]!r} for {unknown[0]!r}" if near else "",
        )
    return dict(given)


def positive(name: str, value: object) -> float:
    """Return an sd or another parameter that is not negative."""
    number = _number(value)
    if number is None or number < 0.0:
        raise OptionError(f"the parameter {name}={value!r} is no sd", allowed="a finite number from 0")
    return number


def sd_of(written: str | float, given: Mapping[str, Any]) -> float:
    """Return the value of an sd as a graph has it: a number, a parameter, or ``sqrt(v)`` of a variance.

    Examples
    --------
    >>> sd_of(2.0, {}), sd_of("tau", {"tau": 3}), sd_of("sqrt(v)", {"v": 9})
    (2.0, 3.0, 3.0)
    """
    if isinstance(written, float):
        return written
    name = parameter_of(written)
    value = positive(name, given[name])
    return value if name == written else float(np.sqrt(value))


def ascending(name: str, value: object) -> Floats:
    """Return thresholds."""
    values = _array(value)
    if values is None or values.ndim != 1 or values.size == 0 or not (np.diff(values) > 0.0).all():
        raise OptionError(f"{name}={value!r} are no thresholds", allowed="numbers in ascending order")
    return values


def coefficient(name: str, value: object, columns: tuple[str, ...]) -> Floats:
    """Return a coefficient for each of the columns of a product: one number, or those of a category.

    Parameters
    ----------
    name
        Of the parameter.
    value
        A number; for a category a list of one for each level but the first, or a dictionary of them by the
        names of the columns.
    columns
        Names of the columns.
    """
    if isinstance(value, Mapping):
        odd = sorted({str(key) for key in value} ^ set(columns))
        values = None if odd else _array([value[column] for column in columns])
    else:
        values = _array(value if np.ndim(value) else [value])  # type: ignore[arg-type]
    if values is None or values.shape != (len(columns),):
        allowed = "a finite number"
        if len(columns) != 1:
            allowed = f"{len(columns)} numbers, of " + ", ".join(repr(column) for column in columns)
        raise OptionError(f"the coefficient {name}={value!r} cannot be used", allowed=allowed)
    return values


def covariance(name: str, value: object, size: int) -> Floats:
    """Return a covariance matrix given as such, or by sds and their correlation (one number or a matrix).

    Examples
    --------
    >>> covariance("Sigma", {"sds": [1, 0.5], "correlation": -0.7}, 2)
    array([[ 1.  , -0.35],
           [-0.35,  0.25]])
    """
    found = _from_sds(value, size) if isinstance(value, Mapping) else _array(value)
    if (
        found is None
        or found.shape != (size, size)
        or not np.allclose(found, found.T, rtol=ROUNDING, atol=0.0)
        or np.linalg.eigvalsh(found)[0] < -ROUNDING * np.trace(found)
    ):
        raise OptionError(
            f"the parameter {name}={value!r} is no covariance matrix of {size} numbers",
            allowed="a symmetric matrix without negative eigenvalues; {'sds': [...], 'correlation': r}",
        )
    return found


def correlations(name: str, value: object, sds: Floats) -> Floats:
    """Return the covariance matrix of sds and their correlation: one number, or a matrix."""
    return covariance(name, {"sds": sds, "correlation": value}, sds.size)


def _from_sds(value: Mapping[str, object], size: int) -> Floats | None:
    """Return the matrix of sds and correlations, ``None`` if they are not that."""
    if set(value) != {"sds", "correlation"}:
        return None
    sds, r = _array(value["sds"]), _array(value["correlation"])
    if sds is None or r is None or sds.shape != (size,) or (sds < 0.0).any():
        return None
    if r.ndim == 0:
        r = np.where(np.eye(size) == 1.0, 1.0, r)
    if r.shape != (size, size) or not np.allclose(np.diagonal(r), 1.0, rtol=ROUNDING):
        return None
    return np.asarray(np.outer(sds, sds) * r)


def _graph(model: Model) -> Graph:
    graph = model.dag
    assert graph is not None
    return graph


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _number(value: object) -> float | None:
    """Return a finite number, or ``None``."""
    found = _array(value)
    return float(found) if found is not None and found.ndim == 0 else None


def _array(value: object) -> Floats | None:
    """Return finite numbers, or ``None``."""
    if isinstance(value, bool | str):
        return None
    try:
        found = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return found if np.isfinite(found).all() else None
