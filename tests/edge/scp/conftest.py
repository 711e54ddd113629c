"""An edge within this process, on a small archive in a fake AWS; peers around it."""

from __future__ import annotations

import io
import json
import logging
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
from moto.s3.models import FakeKey
from pydicom import config
from pydicom.data import get_testdata_file
from pydicom.uid import UID
from pynetdicom import AE, _config, evt
from pynetdicom.pdu import A_RELEASE_RQ

from dimse_edge.association import EdgeAssociation
from dimse_edge.site import open_site
from nephele.aws import clients
from nephele.domain.provenance import Origin, Provenance
from nephele.services.archive import Archive
from nephele.services.modalities import KnownModalities
from nephele.services.overrides import Followed
from nephele.services.store import store
from nephele.settings.configuration import parse_configuration
from tests.edge.conftest import tool
from tests.unit.conftest import empty_archive

OPEN = {f"DicomAlwaysAllow{name}": True for name in ("Find", "Get", "Move", "FindWorklist")}
TWICE = "1.2.840.99.7"
"""A Study Instance UID that two patients have."""
SECONDS = 60


def _file(name: str, **values: str) -> bytes:
    path = get_testdata_file(name, download=False)
    assert path is not None
    data_set = pydicom.dcmread(path)
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    data_set.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    buffer = io.BytesIO()
    data_set.save_as(buffer)
    return buffer.getvalue()


def _study(number: int, slices: int, name: str = "CT_small.dcm", **values: str) -> list[bytes]:
    uid = f"1.2.840.99.{number}"
    return [
        _file(
            name,
            **{
                "PatientID": f"P{number}",
                "PatientName": f"Doe^{number}",
                "AccessionNumber": f"A{number}",
                "StudyInstanceUID": uid,
                "SeriesInstanceUID": f"{uid}.1",
                "SOPInstanceUID": f"{uid}.1.{slice_number}",
                "InstanceNumber": str(slice_number),
                **values,
            },
        )
        for slice_number in range(1, slices + 1)
    ]


FILES = (
    *_study(1, 3),
    *_study(2, 2),
    *_study(3, 1, "JPEG2000.dcm"),
    *_study(7, 1),
    *_study(7, 1, PatientID="P8", SeriesInstanceUID=f"{TWICE}.2", SOPInstanceUID=f"{TWICE}.2.1"),
)
"""Three slices, two slices, one in JPEG 2000, and one study UID under two patients."""


@pytest.fixture(scope="package")
def stocked() -> Iterator[Archive]:
    """Return an archive of a few studies; no test changes them."""
    with empty_archive() as archive:
        for file in FILES:
            store(archive, io.BytesIO(file), Provenance(Origin.REST_API, "20260101T000000.000000"))
        yield archive


@pytest.fixture(autouse=True)
def _keep_settings() -> Iterator[None]:
    """Put back what an edge changes in the libraries of its process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CODECS", "VALIDATORS", "LOG_HANDLER_LEVEL"):
            patch.setattr(_config, name, getattr(_config, name))
        for name in ("_reading_validation_mode", "_writing_validation_mode"):
            patch.setattr(config.settings, name, config.IGNORE)
        levels = {name: logging.getLogger(name).level for name in ("pynetdicom", "pydicom")}
        yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@dataclass
class InnerEdge:
    """An edge whose associations are threads of this process."""

    archive: Archive
    listener: socket.socket = field(
        default_factory=lambda: socket.create_server(("127.0.0.1", 0), backlog=64)
    )

    def __post_init__(self) -> None:
        self.site = open_site(self.archive)
        self._running: set[EdgeAssociation] = set()
        self._changed = threading.Condition()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            try:
                association = EdgeAssociation(self.site, connection, self._ended)
            except OSError:
                connection.close()
                continue
            with self._changed:
                self._running.add(association)
            association.start()

    def _ended(self, association: EdgeAssociation) -> None:
        with self._changed:
            self._running.discard(association)
            self._changed.notify_all()

    def wait_for_end(self) -> None:
        """Return when all associations have ended."""
        with self._changed:
            assert self._changed.wait_for(lambda: not self._running, SECONDS)

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._accepting.join(SECONDS)
        with self._changed:
            left = list(self._running)
        for association in left:
            association.cut()
        self.wait_for_end()


@contextmanager
def archived(archive: Archive, sop_instance_uid: str) -> Iterator[str]:
    """Let an instance's object be in an archive class for a while; yield its key."""
    (found,) = archive.index.lookup("0008,0018", sop_instance_uid)
    instance = archive.index.resource(found)
    assert instance is not None
    assert instance.file is not None
    key, client = instance.file.key, clients.s3()
    was = client.get_object(Bucket=archive.bucket.name, Key=key)
    kept = {"Bucket": archive.bucket.name, "Key": key, "Metadata": was["Metadata"]}
    body = was["Body"].read()
    client.put_object(**kept, Body=body, StorageClass="GLACIER")  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeKey, "status", "IN_PROGRESS")  # moto's restores take no time
        yield key
    client.put_object(**kept, Body=body)  # type: ignore[arg-type]


StartInner = Callable[..., InnerEdge]


@pytest.fixture
def start(stocked: Archive) -> Iterator[StartInner]:
    """Start edges on the archive under options; everybody may ask unless they say otherwise."""
    with ExitStack() as stack:

        def start_one(**options: Any) -> InnerEdge:
            configuration = parse_configuration(json.dumps(OPEN | options))
            archive = replace(
                stocked,
                configuration=configuration,
                followed=Followed(),
                known_modalities=KnownModalities(),
            )
            edge = InnerEdge(archive)
            stack.callback(edge.stop)
            return edge

        yield start_one


@pytest.fixture
def edge(start: StartInner) -> InnerEdge:
    """Return an edge that everybody may ask."""
    return start()


@dataclass(frozen=True, slots=True)
class Stored:
    """An instance that a peer was sent."""

    data_set: pydicom.Dataset
    transfer_syntax: str
    originator: tuple[str | None, int | None]
    association: object


def abort(event: evt.Event) -> None:
    """End an association by an A-ABORT."""
    event.assoc.abort()


def cut(event: evt.Event) -> None:
    """End an association by closing its connection, which tells the other side nothing."""
    connection = event.assoc.dul.socket.socket
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RDWR)


@dataclass
class Target:
    """A peer that takes instances, and answers as it is told.

    Attributes
    ----------
    statuses : list of int
        Taken from the front, one for each instance; success when there are no more.
    breaks_at : int
        It breaks the association instead of answering this one of all it receives.
    breaks : callable
        How: by an A-ABORT, unless told otherwise.
    releases : int
        How often it was asked to release an association.
    """

    port: int
    received: list[Stored] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    hold: Callable[[], None] = lambda: None
    breaks_at: int = 0
    breaks: Callable[[evt.Event], None] = abort
    releases: int = 0

    def note(self, event: evt.Event) -> None:
        self.releases += isinstance(event.pdu, A_RELEASE_RQ)

    def handle(self, event: evt.Event) -> int:
        self.hold()
        data_set = event.dataset
        request = event.request
        originator = (
            request.MoveOriginatorApplicationEntityTitle,
            request.MoveOriginatorMessageID,
        )
        syntax = str(event.context.transfer_syntax)
        self.received.append(Stored(data_set, syntax, originator, event.assoc))
        if len(self.received) == self.breaks_at:
            self.breaks(event)
        return self.statuses.pop(0) if self.statuses else 0x0000

    @property
    def uids(self) -> list[str]:
        return [str(one.data_set.SOPInstanceUID) for one in self.received]


@contextmanager
def target(contexts: Mapping[str, Sequence[UID]]) -> Iterator[Target]:
    """Run a peer that takes some storage classes in some transfer syntaxes."""
    entity = AE("TARGET")
    for abstract_syntax, syntaxes in contexts.items():
        entity.add_supported_context(abstract_syntax, list(syntaxes))
    peer = Target(0)
    handlers: list[Any] = [(evt.EVT_C_STORE, peer.handle), (evt.EVT_PDU_RECV, peer.note)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    peer.port = server.socket.getsockname()[1]
    try:
        yield peer
    finally:
        server.shutdown()


def run(program: str, port: int, *arguments: str, cwd: Path | None = None) -> tuple[int, str]:
    """Run a client of DCMTK or GDCM against an edge; return exit code and all it says."""
    command = [tool(program), "-aec", "ORTHANC", *arguments, "127.0.0.1", str(port)]
    done = subprocess.run(
        command,
        capture_output=True,
        timeout=SECONDS,
        check=False,
        cwd=cwd,
        env={"TCP_NODELAY": "1"},
    )
    return done.returncode, (done.stdout + done.stderr).decode("latin-1")
