#!/usr/bin/env bash
# Makes .venv with every pinned development requirement and `nephele` on its bin folder.
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() { # Lambda's Python is 3.13; the source tree runs on 3.11 or newer.
  local candidate
  for candidate in python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python; do
    if "$candidate" -c 'import sys, venv; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
      echo "$candidate"; return
    fi
  done
  if command -v uv >/dev/null 2>&1 && candidate=$(uv python find 3.13 2>/dev/null); then
    echo "$candidate"; return
  fi
  for candidate in python3.14 python3.12 python3.11 python3; do
    if "$candidate" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "setup: no Python 3.13 (Lambda's) found; running the source tree on $candidate" >&2
      echo "$candidate"; return
    fi
  done
  echo "setup: Python 3.11 or newer with venv is needed: apt-get install python3 python3-venv" >&2
  return 1
}

python=$(find_python)
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
echo "setup: Python $version"
if ! .venv/bin/python -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" 2>/dev/null; then
  rm -rf .venv
  "$python" -m venv .venv
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements/dev.txt
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation \
  -e lambdas/shared -e .
# Bytecode of what every start imports is kept even where the environment has none written: to
# compile it each time costs synthesis half of its time, and the local stack some seconds.
PYTHONDONTWRITEBYTECODE='' .venv/bin/python - <<'PYTHON'
from infra.synth import prepare_jsii

prepare_jsii()
import infra.application, infra.local.aws.observed, infra.local.command  # noqa: E401
PYTHON
