"""Another archive that holds a few instances: pynetdicom answers C-FIND, C-MOVE and C-GET."""

from __future__ import annotations

import fnmatch
import io
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.pdu import A_RELEASE_RQ
from pynetdicom.transport import AssociationSocket

from dimse_edge.transport import PduSocket
from nephele.domain.sop_classes import (
    PATIENT_ROOT_GET,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
)
from tests.unit.conftest import dicom_file

STUDY = "1.2.840.77.1"
_UNIQUE = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
_KEYS = tuple(_UNIQUE.values())
_FAILURE = 0xC000
_PENDING = 0xFF00


def slices(series: int, count: int, name: str = "CT_small.dcm", **values: str) -> list[Dataset]:
    """Return instances of a series of the study."""
    uid = f"{STUDY}.{series}"
    named = {"PatientID": "HELD", "StudyInstanceUID": STUDY, "SeriesInstanceUID": uid, **values}
    made = []
    for number in range(1, count + 1):
        file = dicom_file(name, **named, SOPInstanceUID=f"{uid}.{number}")
        data_set = pydicom.dcmread(io.BytesIO(file))
        data_set.file_meta.MediaStorageSOPClassUID = data_set.SOPClassUID
        made.append(data_set)
    return made


@dataclass
class Holder:
    """An archive and what it was asked for.

    Attributes
    ----------
    is_searchable, tells_classes, knows_lists, stops_at_failures : bool
        It offers C-FIND; it answers SOPClassUID; it takes lists of UIDs; the first instance it
        cannot send is the last, as with Orthanc 1.10.1.
    unlisted : collection of str
        SOP Instance UIDs that it does not answer to C-FIND.
    spoil : callable, optional
        Changes an answer to C-FIND.
    asked : list
        Level and number of UIDs of each retrieval.
    sent : list
        SOP Instance UIDs it has begun to send.
    talks : list
        The first SOP class of each association that is asked for, and "release".
    late : list
        Instances that come in once it is asked for lists.
    """

    data_sets: Sequence[Dataset]
    is_searchable: bool = True
    tells_classes: bool = True
    knows_lists: bool = True
    stops_at_failures: bool = False
    unlisted: Collection[str] = ()
    spoil: Callable[[Dataset], None] | None = None
    target: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    talks: list[str] = field(default_factory=list)
    late: Sequence[Dataset] = ()

    def _matching(self, keys: Dataset, *, has_wildcards: bool = False) -> list[Dataset]:
        return [
            one
            for one in self.data_sets
            if all(_matches(one, keys, key, has_wildcards=has_wildcards) for key in _KEYS)
        ]

    def _wanted(self, keys: Dataset, root: str) -> list[Dataset]:
        level = str(keys.QueryRetrieveLevel)
        _require_keys_above(keys, root)
        uids = _values(keys, _UNIQUE[level])
        self.asked.append((level, len(uids)))
        if level == "IMAGE":
            self.data_sets, self.late = [*self.data_sets, *self.late], ()
        return self._matching(keys) if self.knows_lists or len(uids) == 1 else []

    def begin(self, event: evt.Event) -> None:
        self.talks.append(str(event.assoc.requestor.requested_contexts[0].abstract_syntax))

    def end(self, event: evt.Event) -> None:
        if isinstance(event.pdu, A_RELEASE_RQ):
            self.talks.append("release")

    def find(self, event: evt.Event) -> Iterator[tuple[int, Dataset]]:
        keys = event.identifier
        level = str(keys.QueryRetrieveLevel)
        _require_keys_above(keys, event.context.abstract_syntax)
        told = list(_UNIQUE)[: list(_UNIQUE).index(level) + 1]
        answers: dict[str, Dataset] = {}
        for one in self._matching(keys, has_wildcards=True):
            if level == "IMAGE" and one.SOPInstanceUID in self.unlisted:
                continue
            answer = Dataset()
            for name in told:
                setattr(answer, _UNIQUE[name], one[_UNIQUE[name]].value)
            if level == "IMAGE" and "SOPClassUID" in keys:
                answer.SOPClassUID = one.SOPClassUID if self.tells_classes else ""
            if self.spoil is not None:
                self.spoil(answer)
            answers[str(one[_UNIQUE[level]].value)] = answer
        for answer in answers.values():
            yield _PENDING, answer

    def get(self, event: evt.Event) -> Iterator[Any]:
        wanted = self._wanted(event.identifier, event.context.abstract_syntax)
        yield len(wanted)
        for one in wanted:
            syntax = one.file_meta.TransferSyntaxUID
            accepted = {
                (context.abstract_syntax, context.transfer_syntax[0])
                for context in event.assoc.accepted_contexts
            }
            if self.stops_at_failures and (one.SOPClassUID, syntax) not in accepted:
                yield _FAILURE, None
                return
            self.sent.append(str(one.SOPInstanceUID))
            yield _PENDING, one

    def move(self, event: evt.Event) -> Iterator[Any]:
        wanted = self._wanted(event.identifier, event.context.abstract_syntax)
        yield "127.0.0.1", self.target
        yield len(wanted)
        for one in wanted:
            self.sent.append(str(one.SOPInstanceUID))
            yield _PENDING, one


def _require_keys_above(keys: Dataset, root: str) -> None:
    """Check that each level above is named by one value. See PS3.4 C.4.1.2.1 and C.4.2.2.1."""
    levels = list(_UNIQUE)
    above = levels[root != PATIENT_ROOT_GET : levels.index(str(keys.QueryRetrieveLevel))]
    assert all(len(_values(keys, _UNIQUE[one])) == 1 for one in above)


def _values(keys: Dataset, keyword: str) -> list[str]:
    element = keys.get(keyword) or []
    return [element] if isinstance(element, str) else [str(one) for one in element]


def _matches(data_set: Dataset, keys: Dataset, keyword: str, *, has_wildcards: bool) -> bool:
    values, own = _values(keys, keyword), str(data_set[keyword].value)
    is_like = has_wildcards and any(fnmatch.fnmatchcase(own, one) for one in values)
    return not values or own in values or is_like


@contextmanager
def holder(data_sets: Sequence[Dataset], **options: Any) -> Iterator[tuple[int, Holder]]:
    """Run an archive; yield its port."""
    held = Holder(data_sets, **options)
    entity = AE("HOLDER")
    for uid in (PATIENT_ROOT_GET, STUDY_ROOT_GET, STUDY_ROOT_MOVE):
        entity.add_supported_context(uid)
    if held.is_searchable:
        entity.add_supported_context(STUDY_ROOT_FIND)
    for one in data_sets:
        syntaxes = [UID(one.file_meta.TransferSyntaxUID)]
        entity.add_supported_context(one.SOPClassUID, syntaxes, scu_role=False, scp_role=True)
        entity.add_requested_context(one.SOPClassUID, ExplicitVRLittleEndian)
    handlers: list[Any] = [
        (evt.EVT_REQUESTED, held.begin),
        (evt.EVT_PDU_RECV, held.end),
        (evt.EVT_C_FIND, held.find),
        (evt.EVT_C_GET, held.get),
        (evt.EVT_C_MOVE, held.move),
    ]
    with pytest.MonkeyPatch.context() as patch:
        # closed also where the peer was faster, as pynetdicom 3.0 does not
        patch.setattr(AssociationSocket, "_shutdown_socket", PduSocket._shutdown_socket)
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        assert server is not None
        try:
            yield server.server_address[1], held
        finally:
            server.shutdown()
