"""C-GET at the edge: what is asked for comes over the same association."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from pynetdicom import AE, build_role, evt

from nephele.aws import clients
from nephele.domain.sop_classes import STUDY_ROOT_GET
from nephele.services import outgoing, outgoing_instance
from tests.edge.scp.conftest import TWICE, InnerEdge, StartInner, archived, run
from tests.edge.scp.test_find import identifier

CT = "1.2.840.10008.5.1.4.1.1.2"
SC = "1.2.840.10008.5.1.4.1.1.7"
NATIVE = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
Contexts = Mapping[str, Sequence[Sequence[UID]]]


@dataclass
class Got:
    """What came of a C-GET: every response, and every instance."""

    responses: list[Dataset] = field(default_factory=list)
    identifiers: list[Dataset | None] = field(default_factory=list)
    instances: list[tuple[Dataset, str]] = field(default_factory=list)

    @property
    def counts(self) -> list[tuple[int, ...]]:
        names = ("Remaining", "Completed", "Failed", "Warning")
        return [
            tuple(one.get(f"NumberOf{name}Suboperations") for name in names)
            for one in self.responses
        ]

    @property
    def uids(self) -> list[str]:
        return [str(data_set.SOPInstanceUID) for data_set, _ in self.instances]


def get(
    edge: InnerEdge,
    contexts: Contexts,
    keys: Dataset,
    statuses: Sequence[int] = (),
    *,
    is_scp: bool = True,
    cancel_after: int = 0,
) -> Got:
    got, waiting = Got(), list(statuses)

    def store(event: evt.Event) -> int:
        got.instances.append((event.dataset, str(event.context.transfer_syntax)))
        if len(got.instances) == cancel_after:
            event.assoc.send_c_cancel(1, query_model=STUDY_ROOT_GET)
        return waiting.pop(0) if waiting else 0x0000

    entity = AE("GETTER")
    entity.add_requested_context(STUDY_ROOT_GET)
    for uid, choices in contexts.items():
        for syntaxes in choices:
            entity.add_requested_context(uid, list(syntaxes))
    roles = [build_role(uid, scp_role=is_scp, scu_role=not is_scp) for uid in contexts]
    association = entity.associate(
        "127.0.0.1", edge.port, ext_neg=list(roles), evt_handlers=[(evt.EVT_C_STORE, store)]
    )
    assert association.is_established
    for response, found in association.send_c_get(keys, STUDY_ROOT_GET, msg_id=1):
        got.responses.append(response)
        got.identifiers.append(found)
    association.release()
    return got


def test_all_of_a_study(edge: InnerEdge) -> None:
    keys = identifier("STUDY", StudyInstanceUID="1.2.840.99.1")
    got = get(edge, {CT: [[ExplicitVRLittleEndian]]}, keys)
    assert [one.Status for one in got.responses] == [0xFF00, 0xFF00, 0xFF00, 0x0000]
    assert got.counts == [(2, 1, 0, 0), (1, 2, 0, 0), (0, 3, 0, 0), (0, 3, 0, 0)]
    assert got.uids == [f"1.2.840.99.1.1.{number}" for number in (1, 2, 3)], "by their index"
    original = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm", download=False))
    assert all(one.PixelData == original.PixelData for one, _ in got.instances)


@pytest.mark.parametrize(
    ("level", "keys", "count"),
    [
        pytest.param("PATIENT", {"PatientID": "P1"}, 3, id="a patient"),
        pytest.param("PATIENT", {"PatientID": "p1\\P2"}, 5, id="two patients, any case"),
        pytest.param("STUDY", {"AccessionNumber": "A2"}, 2, id="an accession number"),
        pytest.param(
            "STUDY",
            {"AccessionNumber": "", "StudyInstanceUID": "1.2.840.99.2"},
            2,
            id="an empty accession number",
        ),
        pytest.param("SERIES", {"SeriesInstanceUID": "1.2.840.99.1.1"}, 3, id="a series"),
        pytest.param(
            "IMAGE", {"SOPInstanceUID": "1.2.840.99.1.1.3\\1.2.840.99.2.1.1\\9.9"}, 2, id="a list"
        ),
        pytest.param("STUDY", {"StudyInstanceUID": TWICE}, 2, id="of two patients"),
        pytest.param("", {"StudyInstanceUID": "1.2.840.99.2"}, 2, id="no level"),
    ],
)
def test_levels(edge: InnerEdge, level: str, keys: dict[str, str], count: int) -> None:
    got = get(edge, {CT: [[ExplicitVRLittleEndian]]}, identifier(level, **keys))
    assert got.responses[-1].Status == 0x0000
    assert len(set(got.uids)) == len(got.uids) == count


@pytest.mark.parametrize(
    ("level", "keys"),
    [
        pytest.param("FRAME", {"StudyInstanceUID": "1.2.840.99.1"}, id="no such level"),
        pytest.param("STUDY", {"PatientID": "P1"}, id="no identifier of the level"),
        pytest.param("STUDY", {"StudyInstanceUID": "9.9"}, id="nothing there"),
        pytest.param("STUDY", {"StudyInstanceUID": "1.2.*"}, id="a wildcard"),
    ],
)
def test_what_cannot_be_got(edge: InnerEdge, level: str, keys: dict[str, str]) -> None:
    got = get(edge, {CT: [[ExplicitVRLittleEndian]]}, identifier(level, **keys))
    assert [one.Status for one in got.responses] == [0xC000]
    assert got.responses[0].ErrorComment


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        pytest.param([[JPEG2000], NATIVE], JPEG2000, id="its own"),
        pytest.param(
            [[RLELossless], [ExplicitVRLittleEndian]], ExplicitVRLittleEndian, id="native"
        ),
        pytest.param([[ImplicitVRLittleEndian]], ImplicitVRLittleEndian, id="implicit"),
        pytest.param([[RLELossless]], RLELossless, id="any other"),
    ],
)
def test_transcoding(edge: InnerEdge, choices: list[list[UID]], expected: UID) -> None:
    keys = identifier("PATIENT", PatientID="P3")
    got = get(edge, {SC: choices}, keys)
    ((data_set, syntax),) = got.instances
    assert (got.responses[-1].Status, syntax) == (0x0000, expected)
    source = pydicom.dcmread(pydicom.data.get_testdata_file("JPEG2000.dcm", download=False))
    if not expected.is_compressed:
        assert len(data_set.PixelData) == source.Rows * source.Columns * 2
    assert data_set.SOPInstanceUID == "1.2.840.99.3.1.1"


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"TranscodeDicomProtocol": False}, id="the option"),
        pytest.param(
            {
                "DicomModalities": {
                    "getter": {
                        "AET": "GETTER",
                        "Host": "127.0.0.1",
                        "Port": 104,
                        "AllowTranscoding": False,
                    }
                }
            },
            id="the modality",
        ),
    ],
)
def test_no_transcoding(start: StartInner, options: dict[str, object]) -> None:
    keys = identifier("PATIENT", PatientID="P3\\P2")
    got = get(start(**options), {SC: [NATIVE], CT: [[ExplicitVRLittleEndian]]}, keys)
    assert got.responses[-1].Status == 0xB000
    assert got.counts[-1] == (0, 2, 1, 0)
    assert got.identifiers[-1] is not None
    assert got.identifiers[-1].FailedSOPInstanceUIDList == "1.2.840.99.3.1.1"


def test_nothing_can_be_taken(edge: InnerEdge) -> None:
    got = get(edge, {CT: [[RLELossless]]}, identifier("PATIENT", PatientID="P3"))
    assert got.responses[-1].Status == 0xA702
    assert got.counts[-1] == (0, 0, 1, 0)


def test_peer_that_takes_no_role(edge: InnerEdge) -> None:
    keys = identifier("PATIENT", PatientID="P2")
    got = get(edge, {CT: [[ExplicitVRLittleEndian]]}, keys, is_scp=False)
    assert got.responses[-1].Status == 0xA702
    assert not got.instances


@pytest.mark.parametrize(
    ("statuses", "final", "counts", "failed"),
    [
        pytest.param([0, 0xA700, 0], 0xB000, (0, 2, 1, 0), ["1.2.840.99.1.1.2"], id="one fails"),
        pytest.param([0xB000], 0xB000, (0, 2, 0, 1), [], id="a warning"),
        pytest.param(
            [0xC000, 0xA900, 0x0110],
            0xA702,
            (0, 0, 3, 0),
            [f"1.2.840.99.1.1.{number}" for number in (1, 2, 3)],
            id="all fail",
        ),
    ],
)
def test_statuses(
    edge: InnerEdge, statuses: list[int], final: int, counts: tuple[int, ...], failed: list[str]
) -> None:
    keys = identifier("PATIENT", PatientID="P1")
    got = get(edge, {CT: [[ExplicitVRLittleEndian]]}, keys, statuses)
    assert (got.responses[-1].Status, got.counts[-1]) == (final, counts)
    listed = got.identifiers[-1]
    if failed:
        assert listed is not None
        named = listed.FailedSOPInstanceUIDList
        assert ([named] if isinstance(named, str) else list(named)) == failed
    else:
        assert not listed


def test_cancelled(edge: InnerEdge) -> None:
    keys = identifier("PATIENT", PatientID="P1")
    got = get(edge, {CT: [[ExplicitVRLittleEndian]]}, keys, cancel_after=1)
    assert got.responses[-1].Status == 0xFE00
    assert got.counts[-1][0] > 0
    assert sum(got.counts[-1]) == 3


def test_getscu(edge: InnerEdge, tmp_path: Path) -> None:
    keys = ("QueryRetrieveLevel=PATIENT", "PatientID=P1\\P3")
    arguments = [word for key in keys for word in ("-k", key)]
    code, output = run("getscu", edge.port, "-P", *arguments, "-od", str(tmp_path))
    assert code == 0, output
    found = [pydicom.dcmread(path) for path in tmp_path.iterdir()]
    assert sorted(str(one.PatientID) for one in found) == ["P1", "P1", "P1", "P3"]
    assert not any(one.file_meta.TransferSyntaxUID.is_compressed for one in found)


def test_large_objects_are_read_while_they_are_sent(
    edge: InnerEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (outgoing, outgoing_instance):
        monkeypatch.setattr(module, "LARGEST_AHEAD_BYTES", 1000)
    monkeypatch.setattr(outgoing_instance, "_CHUNK_BYTES", 777)
    keys = identifier("PATIENT", PatientID="P1\\P3")
    got = get(edge, {CT: [[ExplicitVRLittleEndian]], SC: [[ExplicitVRLittleEndian]]}, keys)
    assert got.responses[-1].Status == 0x0000
    original = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm", download=False))
    assert [one.PixelData == original.PixelData for one, _ in got.instances].count(True) == 3


def test_objects_are_kept_in_memory(start: StartInner, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    for size, expected in ((1, 3), (0, 6)):
        edge = start(MaximumStorageCacheSize=size)
        read.clear()
        bucket = type(edge.archive.bucket)
        plain = bucket.begin_range

        def counted(self: object, key: str, *arguments: int, plain: object = plain) -> object:
            read.append(key)
            return plain(self, key, *arguments)  # type: ignore[operator]

        with monkeypatch.context() as patch:
            patch.setattr(bucket, "begin_range", counted)
            for _ in range(2):
                keys = identifier("PATIENT", PatientID="P1")
                get(edge, {CT: [[ExplicitVRLittleEndian]]}, keys)
        assert len(read) == expected


def test_an_archived_instance(edge: InnerEdge) -> None:
    """The others come; what does not is listed, said why, and being restored."""
    uid = "1.2.840.99.2.1.1"
    with archived(edge.archive, uid) as key:
        got = get(edge, {CT: [[ExplicitVRLittleEndian]]}, identifier("PATIENT", PatientID="P2"))
        head = clients.s3().head_object(Bucket=edge.archive.bucket.name, Key=key)
    assert got.responses[-1].Status == 0xB000
    assert got.responses[-1].ErrorComment.startswith("archive class")
    failed = got.identifiers[-1]
    assert failed is not None
    assert failed.FailedSOPInstanceUIDList == uid
    assert got.uids == ["1.2.840.99.2.1.2"]
    assert "Restore" in head
