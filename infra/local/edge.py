"""The DIMSE edge as a child process, with the environment of the task definition."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.local import children
from infra.local.errors import ChildDied
from infra.local.folders import DataFolder
from infra.local.inventory import Task
from infra.local.ports import LOOPBACK
from nephele.settings.configuration import parse_configuration
from nephele.settings.environment import PREFIX

_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 60.0
_DRAIN_SECONDS = 10.0
_PATIENCE_SECONDS = _DRAIN_SECONDS + 5.0
_ASK_AGAIN_SECONDS = 0.1
_VERIFICATION = "1.2.840.10008.1.1"
_HEALTH_AET = "NEPHELE-HEALTH"
"""Whom the edge knows as its own health check: what it refuses of that is not kept."""


class Edge:
    """The edge.

    Parameters
    ----------
    variables : mapping of str to str
        Where AWS is, whom to trust, where credentials come from.
    """

    def __init__(
        self,
        task: Task,
        port: int,
        https_port: int,
        folder: DataFolder,
        variables: Mapping[str, str],
    ) -> None:
        self._task = task
        self._folder = folder
        self._variables = variables
        self.port = port
        self.https_port = https_port
        self.process: asyncio.subprocess.Process | None = None
        self._is_stopping = False

    async def start(self) -> None:
        """Start it and wait until it answers C-ECHO, and takes HTTPS where there is any.

        Raises
        ------
        ChildDied
            It ended or did not answer in time; the log says why.
        """
        spool = self._folder.temporary / "spool"
        spool.mkdir(exist_ok=True)
        self.process = await children.spawn(
            [sys.executable, "-m", "dimse_edge"],
            environment=self._environment(spool),
            log=self._log,
            folder=_ROOT,
        )
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not await asyncio.to_thread(self.is_there):
                    if self.process.returncode is not None:
                        raise ChildDied(f"the edge did not start; see {self._log}")
                    await asyncio.sleep(_ASK_AGAIN_SECONDS)
        except TimeoutError as exc:
            raise ChildDied(f"the edge does not answer; see {self._log}") from exc

    async def keep_running(self, say: Callable[[str], None]) -> None:
        """Start it again whenever it ends by itself, as ECS does with a task; never returns.

        Raises
        ------
        ChildDied
            It does not come back.
        """
        while self.process is not None:
            code = await self.process.wait()
            if self._is_stopping:
                return
            children.kill(self.process)
            say(f"the edge ended (exit code {code}) and is started again; see {self._log}")
            await self.start()

    def kill(self) -> None:
        """Kill it with all its processes, as if its machine were gone."""
        if self.process is not None:
            children.kill(self.process)

    async def stop(self) -> None:
        """Stop it; associations may finish."""
        self._is_stopping = True
        if self.process is not None:
            await children.stop(self.process, _PATIENCE_SECONDS)

    def is_there(self) -> bool:
        """Tell whether it answers C-ECHO, and takes HTTPS where there is any."""
        return self._has_answered() and (not self.https_port or _accepts(self.https_port))

    def _has_answered(self) -> bool:
        configuration = parse_configuration(self._task.environment[f"{PREFIX}CONFIGURATION"])
        if configuration.dicom_tls_enabled:
            return _accepts(self.port)
        return _answers(self.port, configuration.dicom_aet)

    @property
    def _log(self) -> Path:
        return self._folder.logs / "edge.log"

    def _environment(self, spool: Path) -> dict[str, str]:
        """Return the task's variables; port, address and folders are this machine's."""
        options = json.loads(self._task.environment[f"{PREFIX}CONFIGURATION"])
        ports = {"DicomPort": self.port}
        if self.https_port:
            ports["EdgeHttpsPort"] = self.https_port
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TMPDIR": str(spool),
            **self._task.environment,
            **self._variables,
            f"{PREFIX}CONFIGURATION": json.dumps(options | ports),
            f"{PREFIX}BIND_ADDRESS": LOOPBACK,
            f"{PREFIX}SIDE_PORT": "0",
            f"{PREFIX}TEMPORARY_DIRECTORY": str(spool),
            f"{PREFIX}DRAIN_SECONDS": str(_DRAIN_SECONDS),
        }


def _accepts(port: int) -> bool:
    """Tell whether connections are accepted: over TLS nobody here has a certificate to say more."""
    try:
        with socket.create_connection((LOOPBACK, port), 5):
            return True
    except OSError:
        return False


def _answers(port: int, called_aet: str) -> bool:
    """Tell whether C-ECHO is answered; a refused association is an answer, too."""
    from pynetdicom import AE  # slow to import
    from pynetdicom.presentation import build_context

    entity = AE(ae_title=_HEALTH_AET)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = 5
    contexts = [build_context(_VERIFICATION)]
    association = entity.associate(LOOPBACK, port, contexts=contexts, ae_title=called_aet)
    if not association.is_established:
        return association.is_rejected
    answered = "Status" in association.send_c_echo()
    association.release()
    return answered
