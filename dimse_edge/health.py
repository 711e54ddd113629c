"""`python -m dimse_edge.health`: C-ECHO to the task's own port; the container's health check.

A refused association is an answer, too: the peers that may connect are a matter of configuration.
"""

from __future__ import annotations

import sys

from pynetdicom import AE
from pynetdicom.presentation import build_context

from nephele.settings.environment import EdgeEnvironment

_SECONDS = 4.0
_SUCCESS = 0x0000
_VERIFICATION = "1.2.840.10008.1.1"
_AE_TITLE = "NEPHELE-HEALTH"


def is_own(calling_aet: str, address: str) -> bool:
    """Tell whether an association is a health check of this very task: it makes no noise."""
    return calling_aet == _AE_TITLE and address in ("127.0.0.1", "::1")


def answers(port: int, called_aet: str, address: str = "127.0.0.1") -> bool:
    """Tell whether an association is answered, and C-ECHO where it is accepted."""
    entity = AE(ae_title=_AE_TITLE)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = _SECONDS
    contexts = [build_context(_VERIFICATION)]
    association = entity.associate(address, port, contexts=contexts, ae_title=called_aet)
    if not association.is_established:
        return bool(association.is_rejected)
    status = association.send_c_echo()
    association.release()
    return "Status" in status and status.Status == _SUCCESS


def main() -> int:
    """Return 0 if the task is well."""
    configuration = EdgeEnvironment().load_configuration()
    if not configuration.dicom_server_enabled:
        return 0
    return 0 if answers(configuration.dicom_port, configuration.dicom_aet) else 1


if __name__ == "__main__":
    sys.exit(main())
