"""The door of agreement: fits and posteriors of one model side by side, parameter by parameter."""

from __future__ import annotations

from collections.abc import Mapping

from multilevel.data.give_back import to_library
from multilevel.errors import OptionError
from multilevel.inference.agreement import agreement as side_by_side
from multilevel.results import Fit
from multilevel.results.posterior import Posterior, Result
from multilevel.results.questions import Frame

__all__ = ["agreement"]


def agreement(*results: Fit | Posterior | Mapping[str, Fit | Posterior]) -> Frame:
    """Put the parameters of several engines side by side, with their differences in sds.

    Parameters
    ----------
    results
        Two or more fits and posteriors of the same data; their methods are the labels, numbered where two
        are the same. Or one mapping of labels to them. The first is the reference.

    Returns
    -------
    A table in the library of the data of the first, with a row for each parameter but group effects:
    ``parameter``, named as in ``Posterior.draws``; under each label the estimate or the posterior mean, blank
    where there is none; ``sd``, the posterior sd of the first posterior, or the standard error where there
    is no posterior; and for every label but the first ``"label: difference"`` from the reference and
    ``"label: error"``, the Monte Carlo error of that difference, both in units of ``sd``.

    Engines for the same posterior should differ by no more than a few Monte Carlo errors. An estimate by
    maximum likelihood and a posterior mean are different things: they differ where there is skewness, or a
    prior that says something.

    Raises
    ------
    ComparisonError
        If the data differ, or there are fewer than two.
    OptionError
        If something else is given.

    Examples
    --------
    >>> import multilevel as ml
    >>> cafes = ml.datasets.load("cafes")
    >>> fit = ml.fit("wait ~ afternoon + (1 | cafe)", cafes)
    >>> post = ml.sample("wait ~ afternoon + (1 | cafe)", cafes, seed=1)
    >>> table = ml.agreement(fit, post)
    >>> table.columns.tolist()
    ['parameter', 'reml', 'marginal', 'sd', 'marginal: difference', 'marginal: error']
    >>> bool((table["marginal: difference"].abs() < 0.5).all())
    True
    """
    named = _labelled(results)
    for label, one in named.items():
        if not isinstance(one, Fit | Posterior):
            raise OptionError(
                f"agreement was given {type(one).__name__} as {label!r}",
                allowed="fits made by multilevel.fit, and posteriors made by multilevel.sample",
            )
    library = next(iter(named.values())).table.library if named else "pandas"
    return to_library(side_by_side(named), library)


def _labelled(results: tuple[Fit | Posterior | Mapping[str, Fit | Posterior], ...]) -> dict[str, Result]:
    """Return results by label: that of the caller, or their method, numbered where two are the same."""
    if len(results) == 1 and isinstance(results[0], Mapping):
        return {str(label): one for label, one in results[0].items()}
    methods = [one.method if isinstance(one, Fit | Posterior) else type(one).__name__ for one in results]
    labels = [
        method if methods.count(method) == 1 else f"{method} {methods[: at + 1].count(method)}"
        for at, method in enumerate(methods)
    ]
    return dict(zip(labels, results, strict=True))  # type: ignore[arg-type]
