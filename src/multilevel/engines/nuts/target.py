"""A log density whose mode is at zero and whose spread is about one, for one point at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.marginal.mode import find_mode
from multilevel.errors import DesignError

Floats = NDArray[np.float64]

NOWHERE = -1e300
"""The log density where there is none: minus infinity would end the sampler."""
SPREAD = 2.0
"""Sd of the first points of the chains about the mode, in units of the posterior's own."""
TRIES = 100
PATIENCE = 3e-4
"""Seconds that a thread waits for the others, less than an evaluation takes."""


class Density(Protocol):
    """The logarithm of a density of a few numbers, for batches of points ``(n, d)``."""

    @property
    def names(self) -> tuple[str, ...]:
        """The ``d`` numbers, for messages."""

    def log_density(self, x: Floats) -> Floats:
        """Return ``(n,)``, minus infinity where there is no density."""

    def log_density_and_gradient(self, x: Floats) -> tuple[Floats, Floats]:
        """Return ``(n,)`` and the gradient ``(n, d)``."""


class _Question:
    """A point that a thread asks about, and the answer once there is one."""

    __slots__ = ("answer", "z")

    def __init__(self, z: Floats) -> None:
        self.z = z
        self.answer: tuple[float, Floats] | None = None


class Target:
    """A density in coordinates ``z`` with ``x = centre + factor z``; safe to be asked by several threads.

    Points that threads ask about at the same time are evaluated together, always the same number of them,
    so that the answers depend on nothing but the point.

    Parameters
    ----------
    density
        Of ``x``.
    start
        ``(d,)`` from which the mode is searched.
    together
        Points that are evaluated together: one if an evaluation is long, else as many as there are chains.
    threads
        How many ask at the same time; ``None`` for ``together``. Answers do not depend on it.

    Raises
    ------
    DesignError
        If no point near the mode has a positive density.
    """

    __slots__ = ("_asked", "_askers", "_density", "_together", "_turn", "centre", "evaluations", "factor")

    def __init__(
        self, density: Density, start: Floats, *, together: int = 1, threads: int | None = None
    ) -> None:
        self._density, self._together = density, together
        self._askers = min(together, threads or together)
        self._turn, self._asked = threading.Condition(), deque[_Question]()
        with np.errstate(all="ignore"):
            self.centre, covariance, self.evaluations = find_mode(density.log_density, start)
        self.factor = np.asarray(np.linalg.cholesky(covariance))
        if self.value_and_gradient(np.zeros(start.size))[0] <= NOWHERE:
            raise DesignError(
                "no point of the posterior has a positive density near its mode",
                remedy="priors that allow the values of the data's units",
            )

    @property
    def size(self) -> int:
        """How many coordinates."""
        return self.centre.size

    @property
    def native(self) -> None:
        """There is no density for calls by address."""
        return None

    def point(self, z: Floats) -> Floats:
        """Return ``x`` at ``z`` ``(..., d)``."""
        return np.asarray(self.centre + z @ self.factor.T)

    def value_and_gradient(self, z: Floats) -> tuple[float, Floats]:
        """Return the log density at ``z`` ``(d,)`` and its gradient by ``z``."""
        question = _Question(np.array(z))
        with self._turn:
            self._asked.append(question)
            self._turn.wait_for(lambda: self._is_time_for(question), timeout=PATIENCE)
            while question.answer is None:  # whoever comes first answers for all who wait
                self._answer_some(question)
                self._turn.notify_all()
        return question.answer

    def _is_time_for(self, question: _Question) -> bool:
        """Return whether a question is answered, or nobody is left who might ask beside."""
        return question.answer is not None or len(self._asked) >= self._askers

    def _answer_some(self, own: _Question) -> None:
        """Answer as many questions as are answered together; if that fails the others ask again."""
        some = [self._asked.popleft() for _ in range(min(self._together, len(self._asked)))]
        try:
            self._answer(some)
        finally:
            self._asked.extend(one for one in some if one.answer is None and one is not own)

    def _answer(self, questions: Sequence[_Question]) -> None:
        """Evaluate the density at a few points."""
        z = np.zeros((self._together, self.centre.size))
        for i, question in enumerate(questions):
            z[i] = question.z
        try:
            with np.errstate(all="ignore"):
                values, gradients = self._density.log_density_and_gradient(self.point(z))
                slopes = gradients @ self.factor
        except np.linalg.LinAlgError:  # one point out of range must not cost the others
            self._answer_one_by_one(questions)
            return
        self.evaluations += len(questions)
        for question, value, slope in zip(questions, values, slopes, strict=False):
            defined = np.isfinite(value) and np.isfinite(slope).all()
            question.answer = (float(value), slope.copy()) if defined else (NOWHERE, np.zeros(slope.size))

    def _answer_one_by_one(self, questions: Sequence[_Question]) -> None:
        """Evaluate the density at points that have none together; there is none where it fails alone."""
        if len(questions) == 1:
            questions[0].answer = (NOWHERE, np.zeros(self.centre.size))
            return
        for question in questions:
            self._answer([question])

    def first(self, seed: int) -> Floats:
        """Return a first point ``(d,)`` of a chain, dispersed about the mode, where there is density."""
        rng = np.random.Generator(np.random.Philox(seed))
        for attempt in range(TRIES):
            z = SPREAD * 0.95**attempt * rng.standard_normal(self.centre.size)
            if self.value_and_gradient(z)[0] > NOWHERE:
                return z
        return np.zeros(self.centre.size)
