"""DIMSE statuses: what each error is answered with, and the codes themselves.

See PS3.4 B.2.3, PS3.7 annex C and Orthanc's own choices.
"""

from __future__ import annotations

from nephele import errors

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
DATA_SET_MISMATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000

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
    errors.Conflict: OUT_OF_RESOURCES,
    errors.Unavailable: OUT_OF_RESOURCES,
    errors.CorruptedFile: OUT_OF_RESOURCES,
}
"""The status of a C-STORE that failed, by the class of its error."""


def store_status(error: errors.NepheleError) -> int:
    """Return the C-STORE status of an error."""
    return STORE_STATUSES[type(error)]
