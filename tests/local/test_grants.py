"""Which grants calls use, told from their requests and from the templates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.functions import INDEX
from infra.local.aws.actions import iam_actions
from infra.local.aws.operations import identify
from infra.local.grants import grants_of, unused

_TABLE = {"X-Amz-Target": "DynamoDB_20120810.TransactWriteItems"}
_TRANSACTION = {"TransactItems": [{"Put": {}}, {"ConditionCheck": {}}, {"Put": {}}]}


@pytest.mark.parametrize(
    ("method", "url", "headers", "body", "needed"),
    [
        pytest.param("GET", "/b/dicom/k", {}, None, {"s3:GetObject"}, id="get"),
        pytest.param("HEAD", "/b/dicom/k", {}, None, {"s3:GetObject"}, id="head"),
        pytest.param("GET", "/b?list-type=2", {}, None, {"s3:ListBucket"}, id="list"),
        pytest.param("GET", "/b?versions", {}, None, {"s3:ListBucketVersions"}, id="versions"),
        pytest.param("GET", "/b/k?versionId=1", {}, None, {"s3:GetObjectVersion"}, id="version"),
        pytest.param("PUT", "/b/k?partNumber=1&uploadId=u", {}, None, {"s3:PutObject"}, id="part"),
        pytest.param("POST", "/b/k?uploadId=u", {}, None, {"s3:PutObject"}, id="complete"),
        pytest.param(
            "GET", "/b/k?uploadId=u", {}, None, {"s3:ListMultipartUploadParts"}, id="parts"
        ),
        pytest.param(
            "DELETE", "/b/k?uploadId=u", {}, None, {"s3:AbortMultipartUpload"}, id="abort"
        ),
        pytest.param("POST", "/b?delete", {}, None, {"s3:DeleteObject"}, id="delete many"),
        pytest.param(
            "PUT",
            "/b/k",
            {"x-amz-copy-source": "b/k?versionId=1"},
            None,
            {"s3:PutObject", "s3:GetObjectVersion"},
            id="copy of a version",
        ),
        pytest.param(
            "POST",
            "/",
            _TABLE,
            _TRANSACTION,
            {"dynamodb:PutItem", "dynamodb:ConditionCheckItem"},
            id="transaction",
        ),
        pytest.param(
            "POST",
            "/",
            {"X-Amz-Target": "AmazonSQS.SendMessageBatch"},
            {},
            {"sqs:SendMessage"},
            id="batch",
        ),
    ],
)
def test_the_actions_of_a_call(
    method: str, url: str, headers: dict[str, str], body: Any, needed: set[str]
) -> None:
    encoded = orjson.dumps(body) if body is not None else b""
    operation = identify(method, url, headers, encoded)
    assert iam_actions(operation, method, url, headers, encoded) == needed


def test_grants_that_no_call_used_are_told(tmp_path: Path) -> None:
    role = {"Ref": "Role"}
    statement = {"Action": ["s3:GetObject", "s3:PutObject", "kms:Decrypt", "sqs:ReceiveMessage"]}
    document = {"PolicyDocument": {"Statement": [statement]}, "Roles": [role]}
    resources = {
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Description": INDEX.description,
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            },
        },
        "Policy": {"Type": "AWS::IAM::Policy", "Properties": document},
    }
    (tmp_path / "A.template.json").write_text(json.dumps({"Resources": resources}))
    granted = grants_of(tmp_path)
    assert unused(granted, {"index": {"s3:GetObject"}}) == ["index s3:PutObject"]
    assert unused(granted, {"index": {"s3:GetObject", "s3:PutObject"}}) == []
    assert unused(granted, {}) == [], "who was not there is not judged"
