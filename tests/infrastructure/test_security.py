"""Security of the templates: checks, permissions, retention, secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .assembly import Assembly
from .conftest import PASSWORD

PACKS = ["AwsSolutions", "HIPAA.Security", "NIST.800.53.R5", "Serverless"]
ALLOWED_WILDCARDS = {
    "*": "ecr:GetAuthorizationToken, of the edge's execution role, knows no narrower resource",
    "/dicom/*": "stored instances are not known at deployment",
    "/raw/*": "received instances that wait for transcoding are not known at deployment",
    "/uploads/*": "presigned uploads are not known at deployment",
    "/derived/*": "what is computed of instances is not known at deployment",
    "/attachments/*": "attachments of users are not known at deployment",
    "/journal/*": "what users will change is not known at deployment",
    "/*": "tasks of the edge's own cluster have no names before they run",
    "/backup/*": "backups of the table have no names before they are made",
}
ONLY_WITHOUT_RESOURCE = {
    "ecr:GetAuthorizationToken",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
STATEFUL = {
    "AWS::DynamoDB::Table": 1,
    "AWS::KMS::Key": 1,
    "AWS::S3::Bucket": 3,
    "AWS::Backup::BackupVault": 1,
}
USERS = "Nephele: RegisteredUsers, hashed"
PEERS = "Nephele: passwords and certificates of OrthancPeers"
BLOBS = "Nephele: private keys that sign large answers, by name"
TOKEN = "Nephele: tells the API's firewall that a call came through CloudFront"  # noqa: S105


def test_security_checks_leave_nothing_unacknowledged(every: Assembly) -> None:
    report = json.loads((every.folder / "validation-report.json").read_text())
    assert [checks["pluginName"] for checks in report["pluginReports"]] == PACKS
    for checks in report["pluginReports"]:
        assert checks["violations"] == [], checks["pluginName"]
        assert checks["conclusion"] == "success"


def test_acknowledged_findings_carry_reasons(assembly: Assembly) -> None:
    report = json.loads((assembly.folder / "validation-report.json").read_text())
    for checks in report["pluginReports"]:
        suppressed = checks["suppressedViolations"]
        assert suppressed
        for finding in suppressed:
            assert len(finding["reason"]) > 30, finding["ruleName"]


def _statements(assembly: Assembly) -> Iterator[tuple[str, dict[str, Any]]]:
    policies = assembly.resources("AWS::IAM::Policy")
    for name, policy in policies.items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            yield name, statement
    for name, role in assembly.resources("AWS::IAM::Role").items():
        assert not role["Properties"].get("Policies"), name


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _literal_end(resource: Any) -> str:
    """Return the literal text at the end of an ARN, after its last reference."""
    if isinstance(resource, str):
        return resource
    parts = resource.get("Fn::Join", ["", [""]])[1]
    return parts[-1] if isinstance(parts[-1], str) else ""


def test_no_wildcard_resource_where_an_arn_can_be_had(assembly: Assembly) -> None:
    seen = set()
    for name, statement in _statements(assembly):
        for resource in _as_list(statement["Resource"]):
            end = _literal_end(resource)
            if "*" not in end:
                continue
            assert end in ALLOWED_WILDCARDS, (name, resource)
            if end == "*":
                assert set(_as_list(statement["Action"])) <= ONLY_WITHOUT_RESOURCE, name
            seen.add(end)
    assert seen == set(ALLOWED_WILDCARDS), "the table lists wildcards that are not used"


def test_actions_are_exact(assembly: Assembly) -> None:
    for name, statement in _statements(assembly):
        assert not [action for action in _as_list(statement["Action"]) if "*" in action], name


def test_no_function_may_scan_the_table(assembly: Assembly) -> None:
    for name, statement in _statements(assembly):
        assert "dynamodb:Scan" not in _as_list(statement["Action"]), name


def test_managed_policies_are_only_the_one_api_gateway_demands(assembly: Assembly) -> None:
    attached = [
        json.dumps(policy)
        for role in assembly.resources("AWS::IAM::Role").values()
        for policy in role["Properties"].get("ManagedPolicyArns", [])
    ]
    assert len(attached) == 1
    assert "AmazonAPIGatewayPushToCloudWatchLogs" in attached[0]


@pytest.mark.parametrize(("resource_type", "count"), STATEFUL.items(), ids=STATEFUL)
def test_stateful_resources_are_retained(
    assembly: Assembly, resource_type: str, count: int
) -> None:
    found = assembly.resources(resource_type)
    assert len(found) == count
    for name, resource in found.items():
        assert resource["DeletionPolicy"] == "Retain", name
        assert resource["UpdateReplacePolicy"] == "Retain", name


def test_the_table_is_protected(assembly: Assembly) -> None:
    (table,) = assembly.resources("AWS::DynamoDB::Table").values()
    properties = table["Properties"]
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert properties["SSESpecification"]["SSEType"] == "KMS"
    assert "GlobalSecondaryIndexes" not in properties


def test_buckets_are_closed(assembly: Assembly) -> None:
    for name, bucket in assembly.resources("AWS::S3::Bucket").items():
        assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}, name
    bucket = assembly.templates["Data"]["Resources"]["Bucket83908E77"]["Properties"]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"] is True
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}


def test_buckets_and_queues_refuse_plain_http(assembly: Assembly) -> None:
    for kind, policies in (
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy"),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy"),
    ):
        denying = [
            policy
            for policy in assembly.resources(policies).values()
            if any(
                statement["Effect"] == "Deny"
                and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
                for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            )
        ]
        assert len(denying) == len(assembly.resources(kind))


def test_queues_and_logs_are_encrypted_with_the_key(assembly: Assembly) -> None:
    for name, queue in assembly.resources("AWS::SQS::Queue").items():
        assert "KmsMasterKeyId" in queue["Properties"], name
    groups = assembly.resources("AWS::Logs::LogGroup")
    assert groups
    for name, group in groups.items():
        assert "KmsKeyId" in group["Properties"], name
        assert group["Properties"]["RetentionInDays"] >= 90, name


def test_every_function_writes_to_a_log_group_of_the_template(assembly: Assembly) -> None:
    for spec, function in assembly.functions():
        assert "Ref" in function["Properties"]["LoggingConfig"]["LogGroup"], spec.name


def test_passwords_are_nowhere(hospital: Assembly) -> None:
    for path in hospital.folder.rglob("*"):
        if path.suffix in (".json", ".txt") and path.is_file():
            assert PASSWORD not in path.read_text(errors="replace"), path


def test_secrets_of_people_are_born_with_a_placeholder_and_kept(assembly: Assembly) -> None:
    secrets = assembly.resources("AWS::SecretsManager::Secret").values()
    found = {secret["Properties"]["Description"]: secret for secret in secrets}
    assert {USERS, PEERS} <= set(found) <= {USERS, PEERS, BLOBS, TOKEN}
    for description in {USERS, PEERS, BLOBS} & set(found):
        secret = found[description]
        assert "SecretString" not in secret["Properties"]
        assert secret["Properties"]["GenerateSecretString"]["GenerateStringKey"] == "placeholder"
        assert secret["DeletionPolicy"] == secret["UpdateReplacePolicy"] == "Retain"


def test_without_a_login_the_deployed_api_refuses_everybody(default: Assembly) -> None:
    (api,) = default.resources("AWS::ApiGateway::RestApi").values()
    (statement,) = api["Properties"]["Policy"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == {"AWS": "*"}


def test_with_a_login_the_deployed_api_is_open_to_those_who_have_one(hospital: Assembly) -> None:
    (api,) = hospital.resources("AWS::ApiGateway::RestApi").values()
    assert "Policy" not in api["Properties"]
    (authorizer,) = hospital.resources("AWS::ApiGateway::Authorizer").values()
    assert authorizer["Properties"]["IdentitySource"] == "method.request.header.Authorization"
    assert authorizer["Properties"]["AuthorizerResultTtlInSeconds"] == 300
