"""A plugin of pytest, `-p checks.kernel_calls`: the run fails if a native kernel was never called.

Every function of `multilevel._core` and every method of its classes is an entry point (that an instance was
made is seen by its methods); `use_lapack` is called when the package is imported, before counting starts.
Workers of pytest-xdist count for themselves and hand their counts to the main process.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from multilevel import _core

NAME = "kernel-calls"
ON_IMPORT = frozenset({"use_lapack"})


def entry_points(module: ModuleType) -> Iterator[tuple[Any, str, str]]:
    """Yield owner, attribute and name of each entry point of a module: functions, methods of classes."""
    for name, value in sorted(vars(module).items()):
        if name.startswith("__") or name in ON_IMPORT:
            continue
        if isinstance(value, type):
            for method, function in sorted(vars(value).items()):
                if not method.startswith("__") and callable(function):
                    yield value, method, f"{name}.{method}"
        elif callable(value):
            yield module, name, name


class KernelCalls:
    """Counts calls of a module's entry points, and refuses a run in which one of them is missing.

    Parameters
    ----------
    module
        Module whose functions and methods are replaced by ones that count.
    """

    def __init__(self, module: ModuleType) -> None:
        self.counts: Counter[str] = Counter()
        self.names: list[str] = []
        for owner, attribute, name in list(entry_points(module)):
            setattr(owner, attribute, self._counted(getattr(owner, attribute), name))
            self.names.append(name)

    def _counted(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            self.counts[name] += 1
            return function(*args, **kwargs)

        return call

    @property
    def missing(self) -> list[str]:
        """Names of the entry points that were never called."""
        return [name for name in self.names if not self.counts[name]]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add the counts of a worker that has ended."""
        self.counts.update(getattr(node, "workeroutput", {}).get(NAME, {}))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand a worker's counts over; in the main process, fail if an entry point is missing."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[NAME] = dict(self.counts)
        elif self.missing and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how many entry points were called, and which were not."""
        called = len(self.names) - len(self.missing)
        terminalreporter.write_line(f"kernels: {called} of {len(self.names)} entry points called")
        for name in self.missing:
            terminalreporter.write_line(f"kernels: `{name}` was never called", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """Start counting."""
    config.pluginmanager.register(KernelCalls(_core), NAME)
