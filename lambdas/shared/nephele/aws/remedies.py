"""What a user of the command line can do about an error of AWS that no retry mends."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import (
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
    SSOError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from nephele.aws.clients import error_code

_CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_NO_LONGER = f"the credentials are not valid, or no longer: log in again, or {_CREDENTIALS}"
_NOT_ALLOWED = "the credentials do not allow this: take others by AWS_PROFILE"
_BY_TYPE: dict[type[Exception], str] = {
    NoRegionError: "no region: set AWS_REGION to the deployment's",
    NoCredentialsError: f"no credentials: {_CREDENTIALS}",
    PartialCredentialsError: f"half of the credentials: {_CREDENTIALS}",
    ProfileNotFound: "AWS_PROFILE names a profile that is not in the AWS configuration",
    SSLError: "the certificate is not trusted: set AWS_CA_BUNDLE (the local stack has one)",
    SSOError: _NO_LONGER,
    UnauthorizedSSOTokenError: _NO_LONGER,
    TokenRetrievalError: _NO_LONGER,
}
_BY_CODE = {
    "AccessDenied": _NOT_ALLOWED,
    "AccessDeniedException": _NOT_ALLOWED,
    "AuthorizationHeaderMalformed": "AWS_REGION is not the region of the bucket",
    "ExpiredToken": _NO_LONGER,
    "ExpiredTokenException": _NO_LONGER,
    "InvalidAccessKeyId": _NO_LONGER,
    "InvalidClientTokenId": _NO_LONGER,
    "PermanentRedirect": "AWS_REGION is not the region of the bucket",
    "SignatureDoesNotMatch": _NO_LONGER,
    "UnrecognizedClientException": _NO_LONGER,
}
_MISSING_BUCKET = "NoSuchBucket"
_MISSING_TABLE = "ResourceNotFoundException"


def remedy(exc: BaseException, bucket: str = "", table: str = "") -> str | None:
    """Return what is wrong and what to do about it; None where the same again may succeed.

    Parameters
    ----------
    exc : exception
        An error of this package, or one that came of it.
    bucket, table : str
        What was worked on.
    """
    for one in _iter_causes(exc):
        for kind, text in _BY_TYPE.items():
            if isinstance(one, kind):
                return text
        if isinstance(one, ClientError):
            return _remedy_of_code(error_code(one), bucket, table)
    return None


def with_remedy(exc: BaseException) -> str:
    """Return an error's message, and what to do about it where there is something."""
    advice = remedy(exc)
    return f"{exc}; {advice}" if advice else str(exc)


def _remedy_of_code(code: str, bucket: str, table: str) -> str | None:
    if code == _MISSING_BUCKET:
        return f"there is no bucket {bucket}: see its name (BucketName of the deployment)"
    if code == _MISSING_TABLE and table:
        return (
            f"there is no table {table} in this account and region: see its name (TableName of the"
            " deployment) and AWS_REGION"
        )
    return _BY_CODE.get(code)


def _iter_causes(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__
