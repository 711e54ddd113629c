"""ministack with cheaper habits answers as before: MD5s, events, copies, policies."""

from __future__ import annotations

import asyncio
import base64
import copy
import hashlib
import json
import mmap
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.aws.cheaper import (
    RememberedMd5,
    RememberedPrincipals,
    copy_of,
    in_file,
    without_data,
)
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


PART_BYTES = 5 << 20


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


def test_versions_and_parts_are_kept_outside_of_memory(aws_folder: DataFolder) -> None:
    async def check() -> list[bytes]:
        async with local_aws(aws_folder) as aws:
            return await asyncio.to_thread(_versions, aws)

    first = b"a" * PART_BYTES + BODY
    assert asyncio.run(check()) == [first, BODY, BODY, first]


def test_what_is_noted_of_a_version_has_no_bytes(tmp_path: Path) -> None:
    noted: list[Any] = []
    recorded = without_data(lambda *given: noted.append(given) or "version")  # type: ignore[func-returns-value]
    assert recorded("bucket", "key", None, {}, BODY) == "version"
    assert noted == [("bucket", "key", None, {}, None)]
    large = bytes(1 << 20)
    mapped = in_file(large, str(tmp_path))
    assert isinstance(mapped, mmap.mmap) == (sys.version_info >= (3, 13))
    assert b"".join([mapped, BODY]) == large + BODY
    assert hashlib.md5(mapped).digest() == _md5(large)  # noqa: S324
    assert in_file(BODY, str(tmp_path)) is BODY
    assert list(tmp_path.iterdir()) == []


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
