"""The CDK app's entry point, for the CDK command line and for plain `python app.py`."""

import sys

from infra.synth import run_app

if __name__ == "__main__":
    run_app(sys.argv[1:])
