#!/usr/bin/env bash
# The whole GPU check on a bare machine, without a network: at most eight minutes.
#   benchmarks/gpu/run.sh DATE OUT.json [more of python -m benchmarks.gpu]
# Wheels are taken from benchmarks/gpu/wheels, which fetch.sh fills elsewhere.
set -euo pipefail
date=${1:?date, written to the result as it is}
out=${2:?file to write}
shift 2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$(dirname "$out")"
out=$(cd "$(dirname "$out")" && pwd)/$(basename "$out")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python=${PYTHON:-python3}
if compgen -G "$here/wheels/*.whl" >/dev/null; then
    "$python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --target "$work/site" \
        "$here"/wheels/*.whl
fi
cd "$here/../.."
export PYTHONPATH=$work/site PYTHONUNBUFFERED=1
timeout 475 "$python" -m benchmarks.gpu --date "$date" --json "$out" --seconds 430 "$@"
