#!/usr/bin/env bash
# Builds the native module into build/ and copies it beside the sources, so that PYTHONPATH=src works.
#
#   checks/build_in_place.sh [python] [--sanitize] [--to FOLDER]
#
# python      interpreter to build for; it must have nanobind installed (default: .venv/bin/python, else python3)
# --sanitize  address and undefined-behaviour sanitizers, in a build folder of its own
# --to        folder that receives the module (default: src/multilevel)
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python=""
sanitize=OFF
target="$root/src/multilevel"
while [[ $# -gt 0 ]]; do
  case "$1" in
    --sanitize) sanitize=ON ;;
    --to) target="$2"; shift ;;
    *) python="$1" ;;
  esac
  shift
done
if [[ -z "$python" ]]; then
  if [[ -x "$root/.venv/bin/python" ]]; then python="$root/.venv/bin/python"; else python=python3; fi
fi
python="$("$python" -c 'import sys; print(sys.executable)')"
tag="$("$python" -c 'import sys; print(sys.implementation.cache_tag)')"
bin="$(dirname "$python")"
export PATH="$bin:$PATH"

mkdir -p "$root/build"
build="$root/build/in-place-$tag-sanitize-$sanitize"
generator=()
if command -v ninja >/dev/null; then generator=(-G Ninja); fi
cmake -S "$root" -B "$build" "${generator[@]}" \
  -DCMAKE_BUILD_TYPE=Release -DPython_EXECUTABLE="$python" -DMULTILEVEL_SANITIZE="$sanitize" >"$build.log" 2>&1 || {
  cat "$build.log" >&2
  exit 1
}
cmake --build "$build" --parallel 2
mkdir -p "$target"
# Move into place in one step: a running process keeps the module that it has loaded.
for module in "$build"/_core*.so; do
  cp "$module" "$target/.$(basename "$module").new"
  mv "$target/.$(basename "$module").new" "$target/$(basename "$module")"
  echo "built $target/$(basename "$module")"
done
