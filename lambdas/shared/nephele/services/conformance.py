"""The DICOM conformance statement, made from the tables the edge works by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nephele.domain import sop_classes
from nephele.domain.sop_classes import VERIFICATION, accepted_sop_classes
from nephele.domain.transfer_syntax import accepted_transfer_syntaxes, transfer_syntax
from nephele.services.archive import Archive
from nephele.services.overrides import in_force
from nephele.settings.configuration import Configuration

_TITLE = "DICOM Conformance Statement of Nephele"


def conformance_statement(archive: Archive) -> str:
    """Return the statement as text: services, SOP classes and transfer syntaxes in force."""
    return "\n".join(_iter_lines(in_force(archive)))


def _iter_lines(configuration: Configuration) -> Iterator[str]:
    yield from ("=" * len(_TITLE), _TITLE, "=" * len(_TITLE), "")
    yield f"Application entity: {configuration.dicom_aet}"
    yield f"Largest PDU received: {configuration.maximum_pdu_length} bytes"
    yield from _section(
        "Echo SCP", "SOP classes accepted for C-ECHO, as an SCP:", _named([VERIFICATION])
    )
    for title, classes in _query_services(configuration):
        sentence = f"SOP classes accepted for {title}, as an SCP:"
        yield from _section(f"{title} SCP", sentence, _named(classes))
    yield from _section(
        "Store SCP",
        "SOP classes accepted for C-STORE, as an SCP:",
        _named(accepted_sop_classes(configuration)),
    )
    if configuration.unknown_sop_class_accepted:
        yield from ("", "Besides: abstract syntaxes that are in no dictionary.")
    uids = accepted_transfer_syntaxes(configuration)
    syntaxes = [(transfer_syntax(uid).name, uid) for uid in uids]
    yield from _section("Transfer syntaxes", "Accepted for C-STORE, in this order:", syntaxes)
    yield ""


def _query_services(configuration: Configuration) -> Iterator[tuple[str, Iterable[str]]]:
    yield "C-FIND", sop_classes.QUERY_CLASSES
    yield "C-MOVE", sop_classes.MOVE_CLASSES
    yield "C-GET", sop_classes.GET_CLASSES
    if configuration.worklists.enable:
        yield "Worklist", (sop_classes.MODALITY_WORKLIST_FIND,)


def _named(uids: Iterable[str]) -> list[tuple[str, str]]:
    """Return the keywords of PS3.6 and the UIDs, by keyword; a UID it does not have has none."""
    from pydicom.uid import UID

    return sorted((UID(uid).keyword, uid) for uid in uids)


def _section(title: str, sentence: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    yield from ("", "", "-" * len(title), title, "-" * len(title), "", sentence, "")
    width = max((len(name) for name, _ in rows), default=0)
    for name, uid in rows:
        yield f"  {name.ljust(width)} | {uid}"
