"""Rules for every test: skipped and expected failures are failures; linear algebra runs in one thread."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

# Small matrices only: threads of the linear algebra library make the tests several times slower. NumPy reads
# this when it is first imported, which is after this file.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn the report of a skip into that of a failure, keeping the reason."""
    if report.outcome == "skipped":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr or "")
        report.outcome = "failed"
        report.longrepr = f"skipped tests count as failures here: {reason or 'no reason given'}"
        if hasattr(report, "wasxfail"):
            del report.wasxfail


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Refuse skips and expected failures of single tests."""
    report = yield
    _refuse(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse modules that skip themselves."""
    report = yield
    _refuse(report)
    return report
