"""How REST is served: CloudFront, firewall, signed blobs, starts, and who may run how often."""

from __future__ import annotations

import json
from typing import Any

from infra.components.web_acl import TOKEN_HEADER, VIEWER_HEADER

from .assembly import Assembly


def _only(assembly: Assembly, resource_type: str) -> dict[str, Any]:
    (found,) = assembly.resources(resource_type).values()
    return dict(found["Properties"])


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
        alias = _only(assembly, "AWS::Lambda::Alias")
        assert alias.get("ProvisionedConcurrencyConfig") == provisioned


def test_every_call_is_rate_limited(assembly: Assembly) -> None:
    rules = {rule["Name"]: rule for rule in _only(assembly, "AWS::WAFv2::WebACL")["Rules"]}
    rate = rules["Rate"]["Statement"]["RateBasedStatement"]
    (key,) = rate["CustomKeys"]
    assert key["Header"]["Name"] == VIEWER_HEADER
    first = rules["OnlyThroughCloudFront"]
    assert first["Priority"] == 0, "the viewer's address is believed after that alone"
    match = first["Statement"]["NotStatement"]["Statement"]["ByteMatchStatement"]
    assert match["FieldToMatch"]["SingleHeader"]["Name"] == TOKEN_HEADER
    assert "resolve:secretsmanager" in json.dumps(match["SearchString"])


def test_the_viewers_address_is_believed_where_the_firewall_stands(
    default: Assembly, private: Assembly
) -> None:
    for assembly, header in ((default, VIEWER_HEADER), (private, "")):
        (api,) = (function for spec, function in assembly.functions() if spec.name == "api")
        variables = api["Properties"]["Environment"]["Variables"]
        assert variables["NEPHELE_VIEWER_HEADER"] == header


def test_without_cloudfront_addresses_are_counted(private: Assembly) -> None:
    rules = {rule["Name"]: rule for rule in _only(private, "AWS::WAFv2::WebACL")["Rules"]}
    assert "OnlyThroughCloudFront" not in rules
    assert rules["Rate"]["Statement"]["RateBasedStatement"]["AggregateKeyType"] == "IP"
    assert not private.resources("AWS::CloudFront::Distribution")


def test_the_firewall_keeps_queries_and_passwords_out_of_its_log(every: Assembly) -> None:
    logging = _only(every, "AWS::WAFv2::LoggingConfiguration")
    assert {"QueryString": {}} in logging["RedactedFields"]
    assert {"SingleHeader": {"Name": "authorization"}} in logging["RedactedFields"]


def test_the_api_is_never_cached_and_gets_all_but_the_host(complete: Assembly) -> None:
    config = _only(complete, "AWS::CloudFront::Distribution")["DistributionConfig"]
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
    config = _only(complete, "AWS::CloudFront::Distribution")["DistributionConfig"]
    (blobs,) = config["CacheBehaviors"]
    assert blobs["PathPattern"] == "/blobs/*"
    assert blobs["TrustedKeyGroups"]
    assert "DELETE" not in blobs["AllowedMethods"]
    control = _only(complete, "AWS::CloudFront::OriginAccessControl")
    assert control["OriginAccessControlConfig"]["SigningBehavior"] == "always"
    policy = _only(complete, "AWS::CloudFront::OriginRequestPolicy")["OriginRequestPolicyConfig"]
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
    authorizer = _only(complete, "AWS::ApiGateway::Authorizer")
    assert authorizer["Type"] == "COGNITO_USER_POOLS"
    methods = complete.resources("AWS::ApiGateway::Method").values()
    kinds = sorted(method["Properties"]["AuthorizationType"] for method in methods)
    assert kinds == ["COGNITO_USER_POOLS", "COGNITO_USER_POOLS", "NONE"]


def test_a_private_api_is_reached_through_its_endpoints_alone(private: Assembly) -> None:
    api = _only(private, "AWS::ApiGateway::RestApi")
    endpoint = "vpce-0123456789abcdef0"
    assert api["EndpointConfiguration"] == {"Types": ["PRIVATE"], "VpcEndpointIds": [endpoint]}
    allow, deny = api["Policy"]["Statement"]
    assert (allow["Effect"], deny["Effect"]) == ("Allow", "Deny")
    assert deny["Condition"] == {"StringNotEquals": {"aws:SourceVpce": [endpoint]}}


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
