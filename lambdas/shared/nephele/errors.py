"""Every error Nephele answers with: one class per distinct answer.

NepheleError
├── BadRequest                 a request that cannot be understood
│   ├── ParameterOutOfRange    a value outside what the parameter allows
│   ├── BadParameterType       a value of the wrong type
│   ├── BadJson                a body that is not JSON
│   ├── EmptyRequest           a body is needed and none came
│   ├── AnswerTooLarge         more than the platform lets one answer carry
│   └── BudgetExhausted        a search that would read more than one call may
├── BadFileFormat              bytes that are not a DICOM file (or not whole)
│   └── FileTooLarge           above a configured or platform limit
├── MissingIdentifier          a data set without one of the UIDs that identify it
├── IdentifierMismatch         command and data set name different instances
├── NotTranscodable            a syntax cannot hold these pixels, or no codec reads them
│   └── NothingToTranscode     no pixels to compress, or a syntax that passes as it is
├── UnsupportedImage           pixel data that cannot be rendered
├── UnorderedSeries            a series whose slices have no order
├── IncompatibleImages         images that differ too much to be one array
├── UnknownResource            no such patient, study, series, instance or other item
├── InexistentItem             a known resource without the item asked for
├── Unauthorized               missing or wrong credentials
├── Forbidden                  not allowed here
├── ConfigurationError         an option that is unknown or has a bad value
├── StorageFull                no room (Orthanc's MaximumStorageSize, a full disk)
├── NetworkProtocol            a peer cannot be reached, refuses, breaks the protocol, or failed
│   └── QueryRefused           a peer that cannot process a query
├── NoPresentationContext      a peer takes no presentation context of a storage class
├── FindUnavailable            a peer without C-FIND
├── MoveUnavailable            a peer without C-MOVE
├── GetUnavailable             a peer without C-GET
├── BadSequenceOfCalls         what cannot be done in the state things are in
├── JobCanceled                a job that a client cancelled
├── ReadOnlyItem               an item of Orthanc's own, which users may not write
├── BadRange                   bytes of a file that there are not
├── BadRevision                another revision is there than the one to be changed
├── BeingRestored              an object in a Glacier class: its restore has begun
├── Conflict                   another writer won, after all retries
├── Unavailable                AWS throttles or does not answer; a retry will work
└── CorruptedFile              bytes that do not match their checksum

Answers live in two tables: `nephele.rest.answers` (HTTP status and Orthanc code) and
`dimse_edge.statuses` (DIMSE status). A test demands every class in both.
"""


class NepheleError(Exception):
    """The root of the tree; its message may be shown to clients, so it carries no patient data.

    Attributes
    ----------
    payload : dict or None
        Orthanc's `ErrorPayload`: what a program may want to know of it.
    """

    payload: dict[str, object] | None = None


class BadRequest(NepheleError):
    """A request that cannot be understood."""


class ParameterOutOfRange(BadRequest):
    """A value outside what the parameter allows."""


class BadParameterType(BadRequest):
    """A value of the wrong type."""


class BadJson(BadRequest):
    """A body that is not the JSON that is needed."""


class EmptyRequest(BadRequest):
    """A body is needed and none came."""


class BudgetExhausted(BadRequest):
    """A search would read more than one call may; nothing of it is answered."""


class AnswerTooLarge(BadRequest):
    """An answer would be larger than the platform lets one be; the message names the limit."""


class BadFileFormat(NepheleError):
    """Bytes that are not a DICOM file, or not a whole one."""


class FileTooLarge(BadFileFormat):
    """A file above a configured or a platform limit."""


class MissingIdentifier(NepheleError):
    """A data set without one of the UIDs that identify an instance."""


class IdentifierMismatch(NepheleError):
    """The C-STORE command and its data set name different instances."""


class NotTranscodable(NepheleError):
    """The target syntax cannot hold these pixels, or no codec reads the source."""


class NothingToTranscode(NotTranscodable):
    """There are no pixels to compress, or the source's syntax passes as it is: video, unknown."""


class UnsupportedImage(NepheleError):
    """Pixel data that cannot be rendered."""


class UnorderedSeries(NepheleError):
    """The slices of a series have neither positions nor indexes to be ordered by."""


class IncompatibleImages(NepheleError):
    """Images differ in size or kind, so that they cannot be one array."""


class UnknownResource(NepheleError):
    """No such resource."""


class InexistentItem(NepheleError):
    """A known resource does not have the item that was asked for."""


class Unauthorized(NepheleError):
    """Credentials are missing or wrong."""


class Forbidden(NepheleError):
    """The caller is known and may not do this."""


class ConfigurationError(NepheleError):
    """An option is unknown or has a bad value; the message begins with its name."""


class StorageFull(NepheleError):
    """There is no room for what was sent."""


class NetworkProtocol(NepheleError):
    """A peer cannot be reached, refuses, does not keep to the protocol, or answers with failure.

    Parameters
    ----------
    payload : dict, optional
        Orthanc's `ErrorPayload`: what a program may want to know of it.
    """

    def __init__(self, message: str = "", payload: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.payload = payload


class QueryRefused(NetworkProtocol):
    """A peer answers that it cannot process a query (0xC000)."""


class NoPresentationContext(NepheleError):
    """A peer accepts no presentation context of a storage class."""


class FindUnavailable(NepheleError):
    """A peer does not offer C-FIND."""


class MoveUnavailable(NepheleError):
    """A peer does not offer C-MOVE."""


class GetUnavailable(NepheleError):
    """A peer does not offer C-GET."""


class BadSequenceOfCalls(NepheleError):
    """Something cannot be done in the state things are in."""


class JobCanceled(NepheleError):
    """A client cancelled the job."""


class ReadOnlyItem(NepheleError):
    """A metadata or attachment that users may not write or remove."""


class BadRange(NepheleError):
    """A range of bytes that a file does not have."""


class BadRevision(NepheleError):
    """Another revision of an item is there than the one a client wants to change."""


class BeingRestored(NepheleError):
    """An object is kept where it must be restored before it is read; that has begun, for hours."""


class Conflict(NepheleError):
    """Another writer kept winning until the retries were used up."""


class Unavailable(NepheleError):
    """An AWS service throttles, fails or does not answer; trying again will work."""


class CorruptedFile(NepheleError):
    """Bytes do not match their checksum."""
