#!/usr/bin/env bash
# Installs the package the way a user does (isolated build) for each other supported Python found, and tests it.
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
for version in "${versions[@]}"; do
  python="$(find_python "$version")"
  if [[ -z "$python" ]]; then
    echo "Python $version: not found on this machine, so not tested"
    continue
  fi
  venv=".venv/python$version"
  echo "Python $version: $("$python" --version), installing into $venv"
  [[ -x "$venv/bin/python" ]] || "$python" -m venv "$venv"
  "$venv/bin/python" -m pip --disable-pip-version-check --quiet install ".[test]"
  "$venv/bin/multilevel" --version
  "$venv/bin/python" -m pytest -q -n auto -p no:cacheprovider
done
