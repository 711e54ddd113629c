#!/usr/bin/env bash
# Pins and hashes every deployable's requirements; no registry address is written.
set -euo pipefail
cd "$(dirname "$0")"
uv=../.venv/bin/uv
flags=(--quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header)
"$uv" pip compile "${flags[@]}" --universal --python-version 3.11 dev.in -o dev.txt
"$uv" pip compile "${flags[@]}" --universal --python-version 3.11 -c dev.txt uv.in -o uv.txt
"$uv" pip compile "${flags[@]}" --universal --python-version 3.11 policy.in -o policy.txt
for deployable in core api transcode edge; do
  "$uv" pip compile "${flags[@]}" --python-version 3.13 --python-platform x86_64-manylinux_2_28 \
    -c dev.txt "$deployable.in" -o "$deployable.txt"
done
