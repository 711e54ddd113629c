"""One typed client per service, and the translation of their errors.

The clients are botocore's, which boto3's are too: boto3 adds transfers by threads, resources and a
start that is a tenth of a second longer, and nothing here needs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.handlers import add_expect_header
from botocore.session import Session

from nephele.aws.quick_rows import QuickRows
from nephele.errors import BeingRestored, Conflict, NepheleError, Unavailable, UnknownResource

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_sqs.client import SQSClient

_ARCHIVED = "InvalidObjectState"
_TAKEN = "PreconditionFailed"
_MISSING = frozenset({"NoSuchKey", "404", "NoSuchUpload", "ResourceNotFoundException"})


def _config(pool: int = 32, read_timeout_seconds: float = 20) -> Config:
    return Config(
        max_pool_connections=pool,
        connect_timeout=3,
        read_timeout=read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": 4},
        parameter_validation=False,
        tcp_keepalive=True,
        user_agent="nephele",  # botocore's own is put together for each request anew
    )


_REGION = ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)
"""Where the region comes from: botocore alone knows the second name only, Lambda sets both."""


@cache
def _session() -> Session:
    session = Session(session_vars={"region": _REGION})
    session.register_component("response_parser_factory", QuickRows())
    return session


def _client(service: str, config: Config) -> Any:
    with translated(service):
        return _session().create_client(service, config=config)


@cache
def dynamodb() -> DynamoDBClient:
    """Return the DynamoDB client; conflicts are retried by the index, not here."""
    client: DynamoDBClient = _client("dynamodb", _config(read_timeout_seconds=10))
    return client


@cache
def s3() -> S3Client:
    """Return the S3 client: virtual addressing in AWS, path addressing against an own endpoint.

    Checksums are only computed where S3 requires them: every write carries Content-MD5, so the
    payload is not hashed for the signature a second time. No write
    asks for leave (`Expect: 100-continue`): that would be another round trip for each instance,
    and no body is above 8 MiB.
    """
    config = _config().merge(
        Config(
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            signature_version="s3v4",
            s3={"payload_signing_enabled": False},
        )
    )
    client: S3Client = _client("s3", config)
    client.meta.events.unregister("before-call.s3", add_expect_header)
    return client


@cache
def sqs() -> SQSClient:
    """Return the SQS client."""
    client: SQSClient = _client("sqs", _config(pool=8, read_timeout_seconds=30))
    return client


@cache
def secrets_manager() -> SecretsManagerClient:
    """Return the Secrets Manager client."""
    client: SecretsManagerClient = _client("secretsmanager", _config(pool=2))
    return client


@cache
def event_bridge() -> EventBridgeClient:
    """Return the EventBridge client."""
    client: EventBridgeClient = _client("events", _config(pool=2))
    return client


def error_code(exc: ClientError) -> str:
    """Return AWS's code of an error, `NoSuchKey` for instance."""
    return str(exc.response.get("Error", {}).get("Code", ""))


def was_repeated(error: NepheleError) -> bool:
    """Tell whether a request was told of an error that had been sent before, without an answer."""
    cause = error.__cause__
    if not isinstance(cause, ClientError):
        return False
    return cause.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn boto3's errors into Nephele's; `what` names the thing that was asked for."""
    try:
        yield
    except ClientError as exc:
        if error_code(exc) in _MISSING:
            raise UnknownResource(f"{what} does not exist") from exc
        if error_code(exc) == _TAKEN:
            raise Conflict(f"{what} is there already") from exc
        if error_code(exc) == _ARCHIVED:
            raise BeingRestored(f"{what} is in an archive class, and being restored") from exc
        raise Unavailable(f"{what}: {error_code(exc)}") from exc
    except BotoCoreError as exc:
        raise Unavailable(f"{what}: {type(exc).__name__}") from exc
