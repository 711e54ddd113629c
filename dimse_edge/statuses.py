"""DIMSE statuses: what each error is answered with, and the codes themselves.

See PS3.4 B.2.3, PS3.7 annex C and Orthanc's own choices.
"""

from __future__ import annotations

from nephele import errors

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
DATA_SET_MISMATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000
UNABLE_TO_PROCESS = 0xC000
PROCESSING_FAILURE = 0x0110
SUB_OPERATIONS_FAILED = 0xA702
WARNING = 0xB000
CANCEL = 0xFE00
PENDING = 0xFF00
SOP_CLASS_NOT_SUPPORTED = 0x0122

STORE_STATUSES: dict[type[errors.NepheleError], int] = {
    errors.NepheleError: OUT_OF_RESOURCES,
    errors.BadRequest: CANNOT_UNDERSTAND,
    errors.ParameterOutOfRange: CANNOT_UNDERSTAND,
    errors.BadParameterType: CANNOT_UNDERSTAND,
    errors.BadJson: CANNOT_UNDERSTAND,
    errors.EmptyRequest: CANNOT_UNDERSTAND,
    errors.BudgetExhausted: OUT_OF_RESOURCES,
    errors.AnswerTooLarge: CANNOT_UNDERSTAND,
    errors.BadFileFormat: CANNOT_UNDERSTAND,
    errors.FileTooLarge: OUT_OF_RESOURCES,
    errors.MissingIdentifier: OUT_OF_RESOURCES,
    errors.IdentifierMismatch: DATA_SET_MISMATCH,
    errors.NotTranscodable: OUT_OF_RESOURCES,
    errors.NothingToTranscode: OUT_OF_RESOURCES,
    errors.UnsupportedImage: OUT_OF_RESOURCES,
    errors.UnorderedSeries: OUT_OF_RESOURCES,
    errors.IncompatibleImages: OUT_OF_RESOURCES,
    errors.UnknownResource: OUT_OF_RESOURCES,
    errors.InexistentItem: OUT_OF_RESOURCES,
    errors.Unauthorized: OUT_OF_RESOURCES,
    errors.Forbidden: OUT_OF_RESOURCES,
    errors.ConfigurationError: OUT_OF_RESOURCES,
    errors.StorageFull: OUT_OF_RESOURCES,
    errors.NetworkProtocol: OUT_OF_RESOURCES,
    errors.QueryRefused: OUT_OF_RESOURCES,
    errors.NoPresentationContext: OUT_OF_RESOURCES,
    errors.FindUnavailable: OUT_OF_RESOURCES,
    errors.MoveUnavailable: OUT_OF_RESOURCES,
    errors.GetUnavailable: OUT_OF_RESOURCES,
    errors.BadSequenceOfCalls: OUT_OF_RESOURCES,
    errors.JobCanceled: OUT_OF_RESOURCES,
    errors.BadRange: OUT_OF_RESOURCES,
    errors.ReadOnlyItem: OUT_OF_RESOURCES,
    errors.BadRevision: OUT_OF_RESOURCES,
    errors.BeingRestored: OUT_OF_RESOURCES,
    errors.Conflict: OUT_OF_RESOURCES,
    errors.Unavailable: OUT_OF_RESOURCES,
    errors.CorruptedFile: OUT_OF_RESOURCES,
}
"""The status of a C-STORE that failed, by the class of its error."""


_BUSY = (errors.BudgetExhausted, errors.Unavailable, errors.Conflict)


def query_status(error: errors.NepheleError) -> int:
    """Return the status of a C-FIND, C-MOVE or C-GET that failed: 0xC000 as Orthanc.

    Where the archive could not find out what is asked for, trying again may help.
    """
    return OUT_OF_RESOURCES if isinstance(error, _BUSY) else UNABLE_TO_PROCESS


def is_warning(status: int) -> bool:
    """Tell whether a status says that something was done, if not wholly. See PS3.7 C.3."""
    return status >> 12 == 0xB or status in (0x0001, 0x0107, 0x0111, 0x0116)


def store_status(error: errors.NepheleError) -> int:
    """Return the C-STORE status of an error."""
    return STORE_STATUSES[type(error)]
