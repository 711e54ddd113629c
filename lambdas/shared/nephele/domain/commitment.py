"""Storage commitment: who asks for it names instances, the report names them again.

See PS3.4 annex J.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nephele.domain.character_set import encoding_named
from nephele.domain.elements import DataSet, read_elements
from nephele.domain.query_answer import Answer, Answered, AnswerWriter
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.errors import BadRequest

NO_SUCH_OBJECT_INSTANCE = 0x0112
CLASS_INSTANCE_CONFLICT = 0x0119
_PROCESSING_FAILURE = 0x0110

FAILURE_REASONS = {
    _PROCESSING_FAILURE: "Processing failure",
    NO_SUCH_OBJECT_INSTANCE: "No such object instance",
    0x0213: "Resource limitation",
    0x0122: "Referenced SOP Class not supported",
    CLASS_INSTANCE_CONFLICT: "Class/Instance conflict",
    0x0131: "Duplicate transaction UID",
}
"""What a Failure Reason (0008,1197) means. See PS3.3 C.14.1.1."""

_FAILURE_REASON = 0x00081197
_FAILED_SOP_SEQUENCE = 0x00081198
_REFERENCED_SOP_SEQUENCE = 0x00081199
_REFERENCED_SOP_CLASS_UID = 0x00081150
_REFERENCED_SOP_INSTANCE_UID = 0x00081155
_TRANSACTION_UID = 0x00081195
_LONGEST_LIST = 100_000


@dataclass(frozen=True, slots=True)
class Reference:
    """An instance by its UIDs; `reason` is why it was not committed, 0 for no reason."""

    sop_class_uid: str
    sop_instance_uid: str
    reason: int = 0


@dataclass(frozen=True, slots=True)
class Commitment:
    """The data set of a request or of a report: what is (to be) committed, and what failed."""

    transaction_uid: str
    references: tuple[Reference, ...]
    failures: tuple[Reference, ...] = ()


def encode_commitment(commitment: Commitment, syntax: TransferSyntax) -> bytes:
    """Encode the data set of an N-ACTION or N-EVENT-REPORT."""
    data_set: dict[int, Answered] = {
        _TRANSACTION_UID: Answered("UI", commitment.transaction_uid),
        _REFERENCED_SOP_SEQUENCE: Answered("SQ", _items(commitment.references)),
    }
    if commitment.failures:
        data_set[_FAILED_SOP_SEQUENCE] = Answered("SQ", _items(commitment.failures))
    return AnswerWriter(syntax, encoding_named("Ascii")).encode(data_set)


def _items(references: Sequence[Reference]) -> list[Answer]:
    items: list[Answer] = []
    for reference in references:
        item = {
            _REFERENCED_SOP_CLASS_UID: Answered("UI", reference.sop_class_uid),
            _REFERENCED_SOP_INSTANCE_UID: Answered("UI", reference.sop_instance_uid),
        }
        if reference.reason:
            item[_FAILURE_REASON] = Answered("US", str(reference.reason))
        items.append(item)
    return items


def decode_commitment(encoded: bytes, syntax: TransferSyntax) -> Commitment:
    """Decode the data set of an N-ACTION or N-EVENT-REPORT.

    Raises
    ------
    BadRequest
        It names no transaction, or an instance without UIDs.
    BadFileFormat
        It cannot be parsed.
    """
    elements = read_elements(encoded, syntax)
    transaction_uid = _uid(elements, _TRANSACTION_UID)
    if not transaction_uid:
        raise BadRequest("TransactionUID (0008,1195) is missing")
    order = "little" if syntax.is_little_endian else "big"
    references = _references(elements, _REFERENCED_SOP_SEQUENCE, order)
    return Commitment(
        transaction_uid, references, _references(elements, _FAILED_SOP_SEQUENCE, order)
    )


def _references(elements: DataSet, tag: int, order: str) -> tuple[Reference, ...]:
    sequence = elements.get(tag)
    items = (sequence.items or ()) if sequence is not None else ()
    if len(items) > _LONGEST_LIST:
        raise BadRequest("there are too many instances in one transaction")
    return tuple(_reference(item, order) for item in items)


def _reference(item: DataSet, order: str) -> Reference:
    reason = item.get(_FAILURE_REASON)
    reference = Reference(
        _uid(item, _REFERENCED_SOP_CLASS_UID),
        _uid(item, _REFERENCED_SOP_INSTANCE_UID),
        int.from_bytes(reason.value, "little" if order == "little" else "big") if reason else 0,
    )
    if not reference.sop_instance_uid:
        raise BadRequest("ReferencedSOPInstanceUID (0008,1155) is missing")
    return reference


def _uid(elements: DataSet, tag: int) -> str:
    element = elements.get(tag)
    return "" if element is None else bytes(element.value).decode("latin-1").strip(" \0")
