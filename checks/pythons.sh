#!/usr/bin/env bash
# Builds a wheel the way a user does (isolated build), installs it for each other supported Python found, and tests
# it. One wheel serves all of them: it has the stable ABI of Python 3.12. Tests marked `statistics` are left out: what
# they judge, the mathematics of samplers, does not depend on the version of Python; and those marked `engines`, whose
# Dask and Spark only `make test` installs.
#
#   checks/pythons.sh [version ...]     (default: 3.12 3.13)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# An interpreter counts as found if it runs and is of that version: version managers put empty shims on the path.
find_python() {
  local version="$1" candidate
  for candidate in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
    if "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" 2>/dev/null; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
}

versions=("$@")
if [[ ${#versions[@]} -eq 0 ]]; then versions=(3.12 3.13); fi
wheel=""
for version in "${versions[@]}"; do
  python="$(find_python "$version")"
  if [[ -z "$python" ]]; then
    echo "Python $version: not found on this machine, so not tested"
    continue
  fi
  venv=".venv/python$version"
  echo "Python $version: $("$python" --version), installing into $venv"
  [[ -x "$venv/bin/python" ]] || "$python" -m venv "$venv"
  pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet)
  if [[ -z "$wheel" ]]; then
    rm -rf build/wheel
    "${pip[@]}" wheel --no-deps --wheel-dir build/wheel .
    wheel="$(echo build/wheel/multilevel-*-abi3-*.whl)"
  fi
  "${pip[@]}" install --force-reinstall --no-deps "$wheel"
  "${pip[@]}" install "$wheel[test]"
  "$venv/bin/multilevel" --version
  "$venv/bin/python" -m pytest -q -n auto --dist worksteal -p no:cacheprovider -m "not slow and not statistics and not engines"
done
