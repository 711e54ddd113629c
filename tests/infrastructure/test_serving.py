"""How REST is served: CloudFront, firewall, signed blobs, starts, and who may run how often."""

from __future__ import annotations

import json
import re

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Template

from infra.components.blob_keys import BlobKeys
from infra.components.rest_api import resource_policy
from infra.front import Front
from infra.web_log import FIELDS
from nephele.aws.blob_urls import key_name

from .assembly import Assembly


def test_queues_never_call_a_function_more_often_than_it_may_run(assembly: Assembly) -> None:
    reserved = {
        name.partition("/")[2]: function["Properties"]["ReservedConcurrentExecutions"]
        for name, function in assembly.resources("AWS::Lambda::Function").items()
    }
    called = dict.fromkeys(reserved, 0)
    for mapping in assembly.resources("AWS::Lambda::EventSourceMapping").values():
        properties = mapping["Properties"]
        scaling = properties.get("ScalingConfig", {"MaximumConcurrency": 1})
        called[properties["FunctionName"]["Ref"]] += scaling["MaximumConcurrency"]
    for name, count in called.items():
        assert count <= reserved[name], name
    assert sum(reserved.values()) <= 900, "an account has 1,000 and keeps 100 for others"


def test_without_a_raised_quota_nothing_is_reserved(private: Assembly) -> None:
    for function in private.resources("AWS::Lambda::Function").values():
        assert "ReservedConcurrentExecutions" not in function["Properties"]


def test_snapshots_or_provisioned_environments(default: Assembly, complete: Assembly) -> None:
    for assembly, snapshot, provisioned in (
        (default, {"ApplyOn": "PublishedVersions"}, None),
        (complete, None, {"ProvisionedConcurrentExecutions": 2}),
    ):
        (api,) = (function for spec, function in assembly.functions() if spec.name == "api")
        assert api["Properties"].get("SnapStart") == snapshot
        alias = assembly.only("AWS::Lambda::Alias")
        assert alias.get("ProvisionedConcurrencyConfig") == provisioned


def test_calls_and_reads_are_logged_without_queries(every: Assembly) -> None:
    setting = every.only("AWS::ApiGateway::Stage")["AccessLogSetting"]
    fields = set(re.findall(r"\$context\.([\w.]+)", setting["Format"]))
    assert fields == {
        "authorizer.principalId",
        "httpMethod",
        "identity.sourceIp",
        "requestId",
        "requestTimeEpoch",
        "resourcePath",
        "responseLatency",
        "responseLength",
        "status",
    }
    for distribution in every.resources("AWS::CloudFront::Distribution").values():
        assert "Logging" not in distribution["Properties"]["DistributionConfig"], "it has queries"
    logged = {
        name.partition("/")[2][:6]: bucket["Properties"].get("LoggingConfiguration")
        for name, bucket in every.resources("AWS::S3::Bucket").items()
    }
    assert logged["Bucket"]["DestinationBucketName"]["Ref"].startswith("AccessLogs")


def test_what_cloudfront_logs_names_no_patient(complete: Assembly) -> None:
    delivery = complete.only("AWS::Logs::Delivery")
    fields = set(delivery["RecordFields"])
    assert fields == set(FIELDS) >= {"c-ip", "cs-method", "cs-uri-stem", "sc-status", "time"}
    assert not fields & {"cs-uri-query", "cs(Cookie)", "cs(Referer)"}
    source = complete.only("AWS::Logs::DeliverySource")
    assert source["LogType"] == "ACCESS_LOGS"
    assert json.dumps(source["ResourceArn"]).endswith(':distribution/E2ABCDEFGHIJKL"]]}')
    destination = complete.only("AWS::Logs::DeliveryDestination")["DestinationResourceArn"]
    assert json.dumps(destination).endswith(':s3:::nephele-all-web-logs"]]}')
    manifest = json.loads((complete.folder / "manifest.json").read_text())
    artifact = manifest["artifacts"]["Nephele-all-WebLog"]
    assert artifact["environment"].endswith("/us-east-1"), "CloudFront's logs are set up there"


def test_only_deliveries_of_this_account_write_cloudfronts_log(default: Assembly) -> None:
    (allowed,) = (
        statement
        for policy in default.resources("AWS::S3::BucketPolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "LogsOfOurDistribution"
    )
    assert allowed["Principal"] == {"Service": "delivery.logs.amazonaws.com"}
    assert allowed["Action"] == "s3:PutObject"
    assert allowed["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
    printed = json.dumps(default.templates["Web"]["Outputs"]["LogOptions"]["Value"])
    assert {"-c web_log_distribution=", " -c web_log_bucket="} <= set(printed.split('"'))


def test_the_table_is_backed_up_each_night(every: Assembly) -> None:
    (rule,) = every.only("AWS::Backup::BackupPlan")["BackupPlan"]["BackupPlanRule"]
    assert rule["ScheduleExpression"] == "cron(0 2 * * ? *)"
    assert rule["Lifecycle"] == {"DeleteAfterDays": 35}
    (selected,) = every.only("AWS::Backup::BackupSelection")["BackupSelection"]["Resources"]
    assert selected["Fn::GetAtt"][0].startswith("Table")


def test_the_edge_stands_in_two_zones(default: Assembly) -> None:
    balancer = default.only("AWS::ElasticLoadBalancingV2::LoadBalancer")
    service = default.only("AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert balancer["Scheme"] == "internal"
    assert balancer["Subnets"] == service["Subnets"]
    assert len(service["Subnets"]) == 2


def test_while_keys_change_both_are_trusted_and_the_first_signs() -> None:
    stack = Stack(App(), "Api")
    new, old = (f"-----BEGIN PUBLIC KEY-----\n{n}\n-----END PUBLIC KEY-----\n" for n in "AB")
    keys = BlobKeys(stack, "Blobs", public_keys=[new, old], key=kms.Key(stack, "Key"))
    template = Template.from_stack(stack).to_json()["Resources"]
    configs = {
        name: resource["Properties"]["PublicKeyConfig"]["EncodedKey"]
        for name, resource in template.items()
        if resource["Type"] == "AWS::CloudFront::PublicKey"
    }
    (group,) = (one for one in template.values() if one["Type"] == "AWS::CloudFront::KeyGroup")
    trusted = [item["Ref"] for item in group["Properties"]["KeyGroupConfig"]["Items"]]
    assert [configs[name] for name in trusted] == [new, old]
    assert stack.resolve(keys.values["blob_key_id"]) == {"Ref": trusted[0]}
    assert keys.values["blob_key_name"] == key_name(new)


def test_the_api_is_never_cached_and_gets_all_but_the_host(complete: Assembly) -> None:
    config = complete.only("AWS::CloudFront::Distribution")["DistributionConfig"]
    behavior = config["DefaultCacheBehavior"]
    disabled, all_but_host = (
        "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        "b689b0a8-53d0-40ab-baf2-68738e2966ac",
    )
    assert behavior["CachePolicyId"] == disabled
    assert behavior["OriginRequestPolicyId"] == all_but_host
    assert "DELETE" in behavior["AllowedMethods"]
    assert config["Aliases"] == ["dicom.example.org"]
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"


def test_blobs_need_a_signature_of_a_trusted_key(complete: Assembly) -> None:
    config = complete.only("AWS::CloudFront::Distribution")["DistributionConfig"]
    (blobs,) = config["CacheBehaviors"]
    assert blobs["PathPattern"] == "/blobs/*"
    assert blobs["TrustedKeyGroups"]
    assert "DELETE" not in blobs["AllowedMethods"]
    control = complete.only("AWS::CloudFront::OriginAccessControl")
    assert control["OriginAccessControlConfig"]["SigningBehavior"] == "always"
    policy = complete.only("AWS::CloudFront::OriginRequestPolicy")["OriginRequestPolicyConfig"]
    assert policy["HeadersConfig"] == {"HeaderBehavior": "none"}
    assert policy["QueryStringsConfig"]["QueryStrings"] == [
        "response-content-disposition",
        "response-content-type",
    ]


def test_only_cloudfront_reads_the_bucket_for_blobs(complete: Assembly) -> None:
    statements = [
        statement
        for policy in complete.resources("AWS::S3::BucketPolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "BlobsOfOurDistributions"
    ]
    (allowed,) = statements
    assert allowed["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert allowed["Action"] == "s3:GetObject"
    assert "distribution/*" in json.dumps(allowed["Condition"]["ArnLike"]["aws:SourceArn"])


def test_cognitos_users_log_in_where_that_is_asked(complete: Assembly) -> None:
    authorizer = complete.only("AWS::ApiGateway::Authorizer")
    assert authorizer["Type"] == "COGNITO_USER_POOLS"
    methods = complete.resources("AWS::ApiGateway::Method").values()
    kinds = sorted(method["Properties"]["AuthorizationType"] for method in methods)
    assert kinds == ["COGNITO_USER_POOLS", "COGNITO_USER_POOLS", "NONE"]


def test_a_private_api_is_reached_through_its_endpoints_alone(private: Assembly) -> None:
    api = private.only("AWS::ApiGateway::RestApi")
    endpoint = "vpce-0123456789abcdef0"
    assert api["EndpointConfiguration"] == {"Types": ["PRIVATE"], "VpcEndpointIds": [endpoint]}
    allow, deny = api["Policy"]["Statement"]
    assert (allow["Effect"], deny["Effect"]) == ("Allow", "Deny")
    assert deny["Condition"] == {"StringNotEquals": {"aws:SourceVpce": [endpoint]}}


@pytest.mark.parametrize(
    "front",
    [
        pytest.param(Front(), id="public"),
        pytest.param(Front(is_private=True, endpoint_ids=("vpce-1",)), id="private"),
        pytest.param(Front(user_pool_arn="arn"), id="Cognito"),
    ],
)
def test_without_remote_access_nobody_calls_the_api(front: Front) -> None:
    """As Orthanc does with whoever is not on its own machine, whatever the login."""
    document = resource_policy(front, is_remote=False)
    assert document is not None
    (statement,) = document.to_json()["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", {"AWS": "*"})
    assert "Condition" not in statement


def test_a_boundary_is_on_every_role(complete: Assembly) -> None:
    for name, role in complete.resources("AWS::IAM::Role").items():
        boundary = "arn:aws:iam::123456789012:policy/Boundary"
        assert role["Properties"]["PermissionsBoundary"] == boundary, name


def test_a_given_key_is_used_for_everything(private: Assembly) -> None:
    assert not private.resources("AWS::KMS::Key")
    for queue in private.resources("AWS::SQS::Queue").values():
        assert "12345678-1234-1234" in json.dumps(queue["Properties"]["KmsMasterKeyId"])


def test_the_hospital_is_reached_through_the_transit_gateway(complete: Assembly) -> None:
    routes = complete.resources("AWS::EC2::Route").values()
    found = {
        route["Properties"]["DestinationCidrBlock"]
        for route in routes
        if "TransitGatewayId" in route["Properties"]
    }
    assert found == {"10.9.0.0/16", "10.10.0.0/16"}


def test_replicas_carry_all_the_index_is_built_from(complete: Assembly) -> None:
    (rules,) = (
        bucket["Properties"]["ReplicationConfiguration"]["Rules"]
        for bucket in complete.resources("AWS::S3::Bucket").values()
        if "ReplicationConfiguration" in bucket["Properties"]
    )
    assert [rule["Filter"]["Prefix"] for rule in rules] == ["dicom/", "attachments/", "journal/"]
