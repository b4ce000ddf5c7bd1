"""The list of requirements comes from pyproject.toml."""

from __future__ import annotations

from checks.requirements import requirements


def test_build_tools_come_with_cmake_and_ninja() -> None:
    names = " ".join(requirements("build"))
    assert all(tool in names for tool in ("scikit-build-core", "nanobind", "cmake", "ninja"))


def test_tools_that_judge_are_pinned() -> None:
    assert all("==" in name for name in requirements("lint"))
