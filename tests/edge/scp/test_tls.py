"""C-MOVE to a destination that wants TLS."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from nephele.domain.sop_classes import STUDY_ROOT_MOVE
from tests.edge.scp.conftest import StartInner
from tests.edge.scp.test_find import identifier
from tests.edge.scp.test_get import CT
from tests.edge.test_tls import certificates as certificates
from tests.edge.test_tls import options


@pytest.fixture
def destination(certificates: Path) -> Iterator[tuple[int, list[Dataset]]]:
    """Run a peer that wants a certificate; yield its port and what it takes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "own.crt", certificates / "own.key")
    context.load_verify_locations(certificates / "own.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    received: list[Dataset] = []

    def take(event: evt.Event) -> int:
        received.append(event.dataset)
        return 0x0000

    entity = AE("SECURE")
    entity.add_supported_context(CT)
    server = entity.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[(evt.EVT_C_STORE, take)],
        ssl_context=context,
    )
    assert server is not None
    try:
        yield server.server_address[1], received
    finally:
        server.shutdown()


@pytest.mark.parametrize(
    ("name", "uses_tls", "status"),
    [
        pytest.param("own", True, 0x0000, id="with the right certificate"),
        pytest.param("stranger", True, 0xA702, id="with another one"),
        pytest.param("own", False, 0xA702, id="without TLS"),
    ],
)
def test_a_destination_that_wants_a_certificate(
    start: StartInner,
    certificates: Path,
    destination: tuple[int, list[Dataset]],
    name: str,
    status: int,
    *,
    uses_tls: bool,
) -> None:
    port, received = destination
    modality = {"AET": "SECURE", "Host": "127.0.0.1", "Port": port, "Timeout": 10}
    modalities = {"secure": modality | {"UseDicomTls": uses_tls}}
    tls = options(certificates, name, DicomTlsEnabled=False)
    edge = start(DicomModalities=modalities, **tls)
    entity = AE("MOVER")
    entity.add_requested_context(STUDY_ROOT_MOVE)
    association = entity.associate("127.0.0.1", edge.port)
    keys = identifier("PATIENT", PatientID="P1")
    *_, (last, _) = association.send_c_move(keys, "SECURE", STUDY_ROOT_MOVE)
    association.release()
    assert last.Status == status
    assert len(received) == (0 if status else 3)
