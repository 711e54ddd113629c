"""ministack's ASGI app as it runs here: the same answers, with its dearest habits made cheaper.

Only who asks for an object that is absent may be refused more often: see `absent_objects`.

It is pinned by hash; tests compare what is replaced here with what AWS answers.
"""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

from ministack.app import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb, s3

from infra.local.aws import absent_objects, large_objects
from infra.local.aws.cheaper import (
    RememberedMd5,
    RememberedPrincipals,
    comparing_keys,
    copy_of,
    in_file,
    json_answer,
    remembered,
    remembered_tokens,
    without_data,
)

__all__ = ["app"]


def _tell_soon(
    bucket_name: str,
    key: str,
    event_name: str,
    size: int = 0,
    etag: str = "",
    deletion_type: str | None = None,
    **facts: Any,
) -> None:
    """Send an S3 event after the answer, from the event loop instead of a thread for each event.

    `call_soon` takes the request's context along, which holds its account and region.
    """
    if bucket_name not in s3._bucket_notifications:
        return
    sequencer = s3._next_event_sequencer(event_name)
    told = partial(s3._fire_s3_event, sequencer=sequencer, **facts)
    loop = asyncio.get_running_loop()
    loop.call_soon(told, bucket_name, key, event_name, size, etag, deletion_type)


def _upload_part(bucket: str, key: str, body: bytes, query: Any, headers: Any) -> Any:
    """Take a part, and leave its bytes in a file until it is asked for."""
    answer = _ministacks_upload_part(bucket, key, body, query, headers)
    _put_aside(answer, query)
    return answer


def _upload_part_copy(bucket: str, key: str, query: Any, headers: Any) -> Any:
    """Copy a part, and leave its bytes in a file until it is asked for."""
    answer = _ministacks_upload_part_copy(bucket, key, query, headers)
    _put_aside(answer, query)
    return answer


def _put_aside(answer: Any, query: Any) -> None:
    if answer[0] == HTTPStatus.OK:
        parts = s3._multipart_uploads[s3._qp(query, "uploadId")]["parts"]
        part = parts[int(s3._qp(query, "partNumber"))]
        part["body"] = in_file(part["body"], s3.DATA_DIR)


_ministacks_upload_part = s3._upload_part
_ministacks_upload_part_copy = s3._upload_part_copy


def _quicken() -> None:
    md5 = RememberedMd5()
    s3.hashlib = md5
    s3.md5_hash = md5.hexdigest
    s3._fire_s3_event_async = _tell_soon
    if s3.S3_PERSIST:
        s3._record_object_version = without_data(s3._record_object_version)
        s3._upload_part = _upload_part
        s3._get_object = large_objects.get_object
        s3._read_body = large_objects.read_body
        s3._upload_part_copy = _upload_part_copy
    dynamodb.copy = SimpleNamespace(deepcopy=copy_of)
    dynamodb.json_response = json_answer
    dynamodb._tokenize = remembered_tokens(dynamodb._tokenize)
    dynamodb._condition_syntax_error = remembered(dynamodb._condition_syntax_error)
    dynamodb._evaluate_condition = comparing_keys(dynamodb._evaluate_condition)
    iam_actions.s3_additional_checks = absent_objects.additional_checks
    iam_evaluator.resolve_principal = RememberedPrincipals(
        iam_evaluator.resolve_principal, iam_evaluator.AuthError
    )


_quicken()
