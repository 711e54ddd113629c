"""ministack with cheaper habits answers as before, and as S3 where something is absent."""

from __future__ import annotations

import asyncio
import base64
import copy
import hashlib
import json
import mmap
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.aws.cheaper import (
    RememberedMd5,
    RememberedPrincipals,
    comparing_keys,
    copy_of,
    in_file,
    json_answer,
    remembered_tokens,
    without_data,
)
from infra.local.aws.roles import RoleCredentials
from infra.local.folders import DataFolder
from tests.local.aws import LocalAws, local_aws

BUCKET, BODY = "kept", b"some bytes"


@pytest.fixture
def aws_folder(tmp_path: Any) -> DataFolder:
    folder = DataFolder(tmp_path)
    folder.temporary.mkdir()
    return folder


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _create_bucket(aws: LocalAws, queue_arn: str) -> None:
    objects = aws.clients.objects
    objects.create_bucket(Bucket=BUCKET)
    objects.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    objects.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "QueueArn": queue_arn,
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}},
                }
            ]
        },
    )


def _put(aws: LocalAws, key: str, body: bytes, md5: bytes) -> dict[str, Any]:
    return dict(
        aws.clients.objects.put_object(
            Bucket=BUCKET, Key=key, Body=body, ContentMD5=base64.b64encode(md5).decode()
        )
    )


def test_objects_are_checked_and_told_of_once(aws_folder: DataFolder) -> None:
    """Good bytes get their MD5 as ETag and one event; bad ones are refused and kept nowhere."""

    async def check() -> list[dict[str, Any]]:
        async with local_aws(aws_folder) as aws:
            allowed = {
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": "*",
            }
            policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
            url, arn = await aws.create_queue(Policy=policy)
            await asyncio.to_thread(_create_bucket, aws, arn)
            first = await asyncio.to_thread(_put, aws, "in/one", BODY, _md5(BODY))
            again = await asyncio.to_thread(_put, aws, "in/two", BODY, _md5(BODY))
            assert first["ETag"] == again["ETag"] == f'"{_md5(BODY).hex()}"'
            with pytest.raises(ClientError, match="BadDigest"):
                await asyncio.to_thread(_put, aws, "in/bad", b"other bytes", _md5(BODY))
            await asyncio.to_thread(_put, aws, "out/one", BODY, _md5(BODY))
            listed = await asyncio.to_thread(aws.clients.objects.list_objects_v2, Bucket=BUCKET)
            assert [item["Key"] for item in listed["Contents"]] == ["in/one", "in/two", "out/one"]
            assert await aws.count(url) == 3  # the first tells that the queue can be written to
            bodies = [json.loads(body) for body in await aws.receive(url)]
            records = [record for body in bodies if "Records" in body for record in body["Records"]]
            versions = {first["VersionId"], again["VersionId"]}
            assert {record["s3"]["object"]["versionId"] for record in records} == versions
            return records

    records = asyncio.run(check())
    assert sorted(record["s3"]["object"]["key"] for record in records) == ["in/one", "in/two"]
    assert {record["s3"]["object"]["eTag"] for record in records} == {_md5(BODY).hex()}
    sequencers = [record["s3"]["object"]["sequencer"] for record in records]
    assert len(set(sequencers)) == 2


def test_a_policy_that_goes_away_forbids_soon(aws_folder: DataFolder) -> None:
    """Remembered principals are forgotten within a second; a wrong signature is refused at once."""

    async def check() -> None:
        async with local_aws(aws_folder) as aws:
            url, _ = await aws.create_queue()
            credentials = await aws.roles.credentials(aws.role_arn)

            async def is_allowed() -> bool:
                return await refusal(credentials.secret_key) == ""

            async def refusal(secret: str) -> str:
                client = aws.clients._session.client(
                    "sqs",
                    endpoint_url=aws.server.endpoint,
                    verify=str(aws.clients.certificate.bundle),
                    aws_access_key_id=credentials.access_key,
                    aws_secret_access_key=secret,
                    aws_session_token=credentials.token,
                )
                try:
                    await asyncio.to_thread(client.send_message, QueueUrl=url, MessageBody="x")
                except ClientError as exc:
                    return str(exc)
                finally:
                    client.close()
                return ""

            assert await is_allowed()
            assert "SignatureDoesNotMatch" in await refusal("not the secret")
            await asyncio.to_thread(
                aws.clients.identities.delete_role_policy,
                RoleName="pollers",
                PolicyName="everything",
            )
            async with asyncio.timeout(10):
                while await is_allowed():
                    await asyncio.sleep(0.1)

    asyncio.run(check())


def test_what_is_absent_is_told_to_those_who_may_list(aws_folder: DataFolder) -> None:
    """S3 answers 404 to them, and 403 to who may read alone; a copy of it is refused alike."""
    readable = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}
    listable = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"}

    async def check() -> None:
        async with local_aws(aws_folder) as aws:
            root, credentials = aws.clients.objects, await aws.roles.credentials(aws.role_arn)
            await asyncio.to_thread(root.create_bucket, Bucket=BUCKET)
            await asyncio.to_thread(root.put_object, Bucket=BUCKET, Key="there", Body=BODY)
            await asyncio.to_thread(_allow, aws, readable)
            there = await asyncio.to_thread(_read_as, aws, credentials, "there")
            assert there == dict.fromkeys(_WAYS, 200)
            absent = await asyncio.to_thread(_read_as, aws, credentials, "absent")
            assert absent == dict.fromkeys(_WAYS, 403)
            await asyncio.to_thread(_allow, aws, readable, listable)
            async with asyncio.timeout(10):
                while absent != dict.fromkeys(_WAYS, 404):
                    absent = await asyncio.to_thread(_read_as, aws, credentials, "absent")
                    await asyncio.sleep(0.1)

    asyncio.run(check())


_WAYS = ("get", "head", "copy")


def _allow(aws: LocalAws, *statements: dict[str, Any]) -> None:
    """Let the role do this alone."""
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    aws.clients.identities.put_role_policy(
        RoleName="pollers", PolicyName="everything", PolicyDocument=document
    )


def _read_as(aws: LocalAws, credentials: RoleCredentials, key: str) -> dict[str, int]:
    """Read an object in each way, as a role; return the statuses."""
    client = aws.clients._session.client(
        "s3",
        endpoint_url=aws.server.endpoint,
        verify=str(aws.clients.certificate.bundle),
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.token,
    )
    source = {"Bucket": BUCKET, "Key": key}
    reads = (
        _status(client.get_object, Bucket=BUCKET, Key=key),
        _status(client.head_object, Bucket=BUCKET, Key=key),
        _status(client.copy_object, Bucket=BUCKET, Key="copy", CopySource=source),
    )
    client.close()
    return dict(zip(_WAYS, reads, strict=True))


def _status(call: Callable[..., Any], **parameters: object) -> int:
    try:
        answer = call(**parameters)
    except ClientError as exc:
        answer = exc.response
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


PART_BYTES = 5 << 20
LARGE = bytes(range(251)) * (3 << 14)
RANGES = ("0-0", "5-2097157", "2000000-", "-7")


def _versions(aws: LocalAws) -> list[bytes]:
    """Write an object twice, in parts and whole, and remove it; return what can still be read.

    Both versions, and what is there when the deletion, then the second version are removed.
    """
    objects = aws.clients.objects
    objects.create_bucket(Bucket=BUCKET)
    objects.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    upload = objects.create_multipart_upload(Bucket=BUCKET, Key="one")["UploadId"]
    named = {"Bucket": BUCKET, "Key": "one", "UploadId": upload}
    for number, part in ((2, BODY), (1, bytes(PART_BYTES)), (1, b"a" * PART_BYTES)):
        objects.upload_part(**named, PartNumber=number, Body=part)
    found = objects.list_parts(**named)["Parts"]
    parts = [{name: part[name] for name in ("PartNumber", "ETag")} for part in found]
    first = objects.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    second = objects.put_object(Bucket=BUCKET, Key="one", Body=BODY)
    marker = objects.delete_object(Bucket=BUCKET, Key="one")
    found = [
        objects.get_object(Bucket=BUCKET, Key="one", VersionId=one["VersionId"])["Body"].read()
        for one in (first, second)
    ]
    for one in (marker, second):
        objects.delete_object(Bucket=BUCKET, Key="one", VersionId=one["VersionId"])
        found.append(objects.get_object(Bucket=BUCKET, Key="one")["Body"].read())
    return found


def _copies(aws: LocalAws) -> list[bytes]:
    """Return a large object: a range of it, all of it, one made of its ranges, and of all of it."""
    objects, source = aws.clients.objects, {"Bucket": BUCKET, "Key": "large"}
    objects.put_object(**source, Body=LARGE)
    upload = objects.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    named = {"Bucket": BUCKET, "Key": "parts", "UploadId": upload}
    parts = []
    for number, copied in ((1, f"bytes=7-{PART_BYTES + 6}"), (2, "bytes=0-6")):
        copy = {**named, "PartNumber": number, "CopySource": source, "CopySourceRange": copied}
        etag = objects.upload_part_copy(**copy)["CopyPartResult"]["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
    objects.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    objects.copy_object(Bucket=BUCKET, Key="whole", CopySource=source)
    found = [objects.get_object(**source, Range=f"bytes={PART_BYTES}-")["Body"].read()]
    for key in ("large", "parts", "whole"):
        found.append(objects.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    return found


def test_versions_and_parts_are_kept_outside_of_memory(aws_folder: DataFolder) -> None:
    async def check() -> tuple[list[bytes], list[bytes]]:
        async with local_aws(aws_folder) as aws:
            return await asyncio.to_thread(lambda: (_versions(aws), _copies(aws)))

    first = b"a" * PART_BYTES + BODY
    versions, copies = asyncio.run(check())
    assert versions == [first, BODY, BODY, first]
    exchanged = LARGE[7 : PART_BYTES + 7] + LARGE[:7]
    assert copies == [LARGE[PART_BYTES:], LARGE, exchanged, LARGE]


def _ranges(aws: LocalAws) -> list[tuple[bytes, int, str]]:
    """Read a large object whole, some of its ranges, and a part; return bodies and lengths."""
    objects = aws.clients.objects
    objects.create_bucket(Bucket=BUCKET)
    objects.put_object(Bucket=BUCKET, Key="one", Body=LARGE)
    asked: list[dict[str, str]] = [{}, *({"Range": f"bytes={one}"} for one in RANGES)]
    answers = [objects.get_object(Bucket=BUCKET, Key="one", **one) for one in asked]
    with pytest.raises(ClientError, match="InvalidRange"):
        objects.get_object(Bucket=BUCKET, Key="one", Range=f"bytes={len(LARGE)}-")
    assert objects.head_object(Bucket=BUCKET, Key="one")["ContentLength"] == len(LARGE)
    return [
        (one["Body"].read(), one["ContentLength"], one.get("ContentRange", "")) for one in answers
    ]


def test_a_large_object_is_sent_in_pieces(aws_folder: DataFolder) -> None:
    async def check() -> list[tuple[bytes, int, str]]:
        async with local_aws(aws_folder) as aws:
            return await asyncio.to_thread(_ranges, aws)

    size = len(LARGE)
    expected = [(LARGE, "")] + [
        (LARGE[start:stop], f"bytes {start}-{stop - 1}/{size}")
        for start, stop in ((0, 1), (5, 2097158), (2_000_000, size), (size - 7, size))
    ]
    assert asyncio.run(check()) == [(body, len(body), told) for body, told in expected]


def test_what_is_noted_of_a_version_has_no_bytes(tmp_path: Path) -> None:
    noted: list[Any] = []
    recorded = without_data(lambda *given: noted.append(given) or "version")  # type: ignore[func-returns-value]
    assert recorded("bucket", "key", None, {}, BODY) == "version"
    assert noted == [("bucket", "key", None, {}, None)]
    large, folder = bytes(1 << 20), tmp_path / "of nothing yet"
    mapped = in_file(large, str(folder))
    assert isinstance(mapped, mmap.mmap) == (sys.version_info >= (3, 13))
    assert b"".join([mapped, BODY]) == large + BODY
    assert hashlib.md5(mapped).digest() == _md5(large)  # noqa: S324
    assert in_file(BODY, str(tmp_path)) is BODY
    assert list(folder.iterdir()) == []


def test_md5_of_the_same_bytes_is_computed_once() -> None:
    hashes = RememberedMd5()
    body = bytes(range(256)) * 16
    first = hashes.md5(body)
    first.update(b"more")
    assert hashes.md5(body).digest() == _md5(body)
    assert hashes.hexdigest(b"") == _md5(b"").hex()
    assert hashes.md5(bytearray(body)).digest() == _md5(body)
    changing = bytearray(b"one")
    assert hashes.md5(changing).digest() == _md5(b"one")  # type: ignore[arg-type]
    changing[:] = b"two"
    assert hashes.md5(changing).digest() == _md5(b"two")  # type: ignore[arg-type]
    assert hashes.sha256(body).digest() == hashlib.sha256(body).digest()


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"a": {"M": {"b": {"L": [{"S": "x"}, {"NULL": True}]}}}}, id="item"),
        pytest.param([1, 2.5, None, b"x", "y"], id="atoms"),
        pytest.param({"a": {1, 2}, "b": (1, [2])}, id="not JSON"),
    ],
)
def test_copies_share_nothing_that_changes(value: Any) -> None:
    copied = copy_of(value)
    assert copied == copy.deepcopy(value) == value
    _spoil(copied)
    assert copied != value


def _spoil(value: Any) -> None:
    """Change whatever is innermost."""
    inner = next((item for item in _parts(value) if isinstance(item, dict | list | set)), None)
    if inner is not None:
        _spoil(inner)
    elif isinstance(value, dict):
        value["spoiled"] = True
    elif isinstance(value, list):
        value.append("spoiled")
    else:
        value.add("spoiled")


def _parts(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else list(value)


class _Refused:
    """What the emulator says of an unknown key."""


def test_principals_are_remembered_and_refusals_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    asked: list[str] = []

    def resolve(key: str, account: str, _credential: Any) -> Any:
        asked.append(key)
        return _Refused() if key == "unknown" else (key, account, len(asked))

    principals = RememberedPrincipals(resolve, _Refused)
    assert principals("known", "1") == principals("known", "1", object()) == ("known", "1", 1)
    assert isinstance(principals("unknown", "1"), _Refused)
    assert isinstance(principals("unknown", "1"), _Refused)
    assert principals("known", "2") == ("known", "2", 4)
    clock[0] += 1.01
    assert principals("known", "1") == ("known", "1", 5)
    assert asked == ["known", "unknown", "unknown", "known", "known"]


_KEY_SLOT = "KeyConditionExpression"
_ROWS = [
    {"pk": {"S": "one"}, "sk": {"S": sk}} for sk in ("a", "b#1", "b#2", "c", "é", "\U0001f600")
]
_CONDITIONS: dict[str, tuple[str, dict[str, str], list[int]]] = {
    "a partition": ("pk = :pk", {":pk": "one"}, [0, 1, 2, 3, 4, 5]),
    "another partition": ("pk = :pk", {":pk": "two"}, []),
    "a prefix": ("pk = :pk AND begins_with(sk, :sk)", {":pk": "one", ":sk": "b#"}, [1, 2]),
    "behind": ("pk = :pk AND sk > :sk", {":pk": "one", ":sk": "b#2"}, [3, 4, 5]),
    "up to": ("pk = :pk AND sk <= :sk", {":pk": "one", ":sk": "b#1"}, [0, 1]),
    "between": (
        "pk = :pk AND sk BETWEEN :x AND :y",
        {":pk": "one", ":x": "b", ":y": "é"},
        [1, 2, 3, 4],
    ),
}


@pytest.mark.parametrize("case", _CONDITIONS)
def test_keys_are_compared_as_ministack_does(case: str) -> None:
    """Whatever is compared quickly, ministack answers the same, in a process of its own."""
    expression, texts, expected = _CONDITIONS[case]
    values = {name: {"S": text} for name, text in texts.items()}

    def refuse(*_: Any) -> bool:
        raise AssertionError("ministack was asked")

    quick = comparing_keys(refuse)
    found = [n for n, row in enumerate(_ROWS) if quick(expression, row, values, {}, _KEY_SLOT)]
    assert found == expected
    program = (
        "import json, sys; from ministack.services import dynamodb;"
        "expression, rows, values, slot = json.load(sys.stdin);"
        "told = [dynamodb._evaluate_condition(expression, r, values, {}, slot) for r in rows];"
        "print(json.dumps([n for n, is_met in enumerate(told) if is_met]))"
    )
    asked = json.dumps([expression, _ROWS, values, _KEY_SLOT])
    done = subprocess.run(
        [sys.executable, "-c", program], input=asked, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == expected


@pytest.mark.parametrize(
    ("expression", "row", "slot"),
    [
        pytest.param("pk = :pk", _ROWS[0], "FilterExpression", id="no key condition"),
        pytest.param("pk = :pk AND sk < :pk", _ROWS[0], _KEY_SLOT, id="another operator"),
        pytest.param("pk = :pk", {"pk": {"N": "1"}, "sk": {"S": "a"}}, _KEY_SLOT, id="a number"),
        pytest.param("pk = :other", _ROWS[0], _KEY_SLOT, id="a value that is missing"),
    ],
)
def test_other_conditions_are_ministacks(expression: str, row: Any, slot: str) -> None:
    ask = comparing_keys(lambda *arguments: arguments)
    values = {":pk": {"S": "one"}}
    assert ask(expression, row, values, {}, slot) == (expression, row, values, {}, slot)


def test_tokens_are_each_callers_own() -> None:
    asked: list[str] = []

    def tokenize(expression: str) -> list[str]:
        asked.append(expression)
        return expression.split()

    tokens = remembered_tokens(tokenize)
    tokens("a = b").clear()
    assert tokens("a = b") == ["a", "=", "b"]
    assert asked == ["a = b"]


def test_answers_are_encoded_as_ministack_does() -> None:
    data = {"Items": [{"a": {"S": "é\u2028"}, "n": {"N": "1"}, "b": {"BOOL": True}}], "Count": 1}
    status, headers, body = json_answer(data)
    assert (status, headers) == (200, {"Content-Type": "application/x-amz-json-1.0"})
    assert json.loads(body) == data
    assert "é\u2028".encode() in body
