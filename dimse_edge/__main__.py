"""`python -m dimse_edge`: serve the DICOM port, and HTTPS, until SIGTERM."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pydantic import ValidationError

from dimse_edge.listener import Listener, WorkerFailed
from dimse_edge.side_port import SidePort
from dimse_edge.worker_process import EXECUTOR, HTTPS
from nephele.errors import ConfigurationError
from nephele.logs import logger
from nephele.settings.configuration import Configuration
from nephele.settings.environment import EdgeEnvironment


def main() -> int:
    """Run the edge; return the exit code."""
    parser = argparse.ArgumentParser(prog="dimse_edge", description=__doc__)
    parser.add_argument("--port", type=int, help="instead of DicomPort; 0 takes a free one")
    arguments = parser.parse_args()
    try:
        environment = EdgeEnvironment()
        configuration = environment.load_configuration()
        if environment.temporary_directory:
            Path(environment.temporary_directory).mkdir(parents=True, exist_ok=True)
    except (ValidationError, ConfigurationError, OSError) as error:
        logger.error("the environment is not valid", extra={"reason": str(error)})
        return 2
    if not configuration.dicom_server_enabled:
        logger.info("DicomServerEnabled is false: nothing to do")
        return 0
    port = configuration.dicom_port if arguments.port is None else arguments.port
    try:
        listener = Listener(
            environment.bind_address,
            port,
            environment.worker_processes,
            environment.drain_seconds,
            helpers=_helpers(environment, configuration),
            side_port=_open_side_port(environment),
        )
    except OSError as error:
        logger.error("the port cannot be bound", extra={"port": port, "reason": error.strerror})
        return 1
    try:
        listener.run()
    except WorkerFailed:
        logger.error("a worker could not start")
        return 1
    return 0


def _helpers(environment: EdgeEnvironment, configuration: Configuration) -> list[str]:
    has_jobs = environment.executor_threads > 0
    wanted = {EXECUTOR: has_jobs, HTTPS: configuration.ssl_enabled}
    return [module for module, is_wanted in wanted.items() if is_wanted]


def _open_side_port(environment: EdgeEnvironment) -> SidePort | None:
    if not environment.side_port:
        return None
    return SidePort(environment.bind_address, environment.side_port)


if __name__ == "__main__":
    sys.exit(main())
