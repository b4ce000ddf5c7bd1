"""Runs the docstring examples of the installed library; each public function and class must have one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """Yield a package and every module in it."""
    yield package
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def without_example(package: ModuleType) -> list[str]:
    """Return the public names that need an example and have none; errors and warnings need none."""
    missing = []
    for name in package.__all__:
        thing = getattr(package, name)
        if inspect.isclass(thing) and issubclass(thing, Exception):
            continue
        if (inspect.isfunction(thing) or inspect.isclass(thing)) and ">>>" not in (
            inspect.getdoc(thing) or ""
        ):
            missing.append(name)
    return missing


def main(name: str = "multilevel") -> int:
    """Run every example; the exit code is 1 if one fails or a public name has none."""
    warnings.simplefilter("error")
    package = importlib.import_module(name)
    tried = failed = 0
    for module in modules(package):
        result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
        tried += result.attempted
        failed += result.failed
    missing = without_example(package)
    for public in missing:
        print(f"{name}.{public}: a public name without an example in its docstring")
    print(f"examples: {tried} run, {failed} failed, {len(missing)} missing")
    return 1 if failed or missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
