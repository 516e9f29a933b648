#!/usr/bin/env bash
# Downloads the wheels that run.sh installs, for Python 3.12 on Linux x86-64; they are not committed.
#   benchmarks/gpu/fetch.sh [FOLDER]          default: benchmarks/gpu/wheels
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/wheels}
platforms=()
for tag in manylinux_2_28 manylinux_2_27 manylinux_2_24 manylinux_2_17 manylinux2014; do
    platforms+=(--platform "${tag}_x86_64")
done
"${PYTHON:-python3}" -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
    "${platforms[@]}" --dest "$folder" --requirement "$here/wheels.txt"
size=$(du -sm "$folder" | cut -f1)
echo "$size MiB in $folder"
[ "$size" -le 50 ]
