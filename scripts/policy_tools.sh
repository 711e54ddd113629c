#!/usr/bin/env bash
# Makes build/checkov with the policy scanner that the infrastructure tests run: its libraries are not
# those of the development environment, so it has an environment of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

target=build/checkov
rm -rf "$target"
.venv/bin/uv venv --quiet --python .venv/bin/python "$target"
.venv/bin/uv pip install --quiet --python "$target/bin/python" --require-hashes -r requirements/policy.txt
touch "$target/.installed"
