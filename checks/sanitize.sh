#!/usr/bin/env bash
# Runs the tests of the native kernels with the module built under the address and undefined-behaviour sanitizers.
#
#   checks/sanitize.sh [python] [test paths ...]
#
# A copy of the package with the instrumented module goes to build/sanitized, which comes first on the import path.
# The first report of a sanitizer ends the run with an error; pytest leaves the error stream alone, so it is seen.
# Tests marked `statistics` are left out: long runs of code that other tests run too; and those marked `engines`, which
# start Dask or Spark. Without test paths the run fails if an entry point of the module was never called
# (checks/kernel_calls.py).
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
python="${1:-.venv/bin/python}"
if [[ $# -gt 0 ]]; then shift; fi
tests=("$@")
calls=()
if [[ ${#tests[@]} -eq 0 ]]; then
  calls=(-p checks.kernel_calls)
  for folder in tests/core tests/moments tests/engines; do
    if [[ -d "$folder" ]]; then tests+=("$folder"); fi
  done
  for file in tests/test_golden.py tests/test_kernels.py; do
    if [[ -f "$file" ]]; then tests+=("$file"); fi
  done
fi
[[ ${#tests[@]} -gt 0 ]] || { echo "sanitize: no kernel tests found" >&2; exit 1; }

rm -rf build/sanitized
mkdir -p build/sanitized
cp -r src/multilevel build/sanitized/multilevel
rm -f build/sanitized/multilevel/_core*.so
checks/build_in_place.sh "$python" --sanitize --to "$root/build/sanitized/multilevel"
module=(build/sanitized/multilevel/_core*.so)
symbols="$(nm -D "${module[0]}")"
if [[ "$symbols" != *__asan_init* || "$symbols" != *__ubsan_handle* ]]; then
  echo "sanitize: the module is not instrumented; nothing would be checked" >&2
  exit 1
fi

compiler="${CXX:-c++}"
# libstdc++ comes along so that the sanitizer finds the real function that throws C++ exceptions.
preload="$("$compiler" -print-file-name=libasan.so) $("$compiler" -print-file-name=libstdc++.so)"
sanitized() {
  env LD_PRELOAD="$preload" \
    ASAN_OPTIONS="detect_leaks=0:halt_on_error=1:exitcode=99:detect_stack_use_after_return=1" \
    UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:exitcode=99" \
    PYTHONPATH="$root/build/sanitized" PYTHONMALLOC=malloc OPENBLAS_NUM_THREADS=1 "$python" "$@"
}
sanitized -c 'import multilevel._core as core; assert "sanitized" in core.__file__, core.__file__'
sanitized -m pytest -q -n auto --dist worksteal --capture=sys -p no:cacheprovider "${calls[@]}" \
  -m "not slow and not statistics and not engines" "${tests[@]}"
