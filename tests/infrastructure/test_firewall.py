"""The firewall in front of the REST API: who is counted, what is blocked, what is logged."""

from __future__ import annotations

import json
import re

import pytest

from infra.components.web_acl import TOKEN_HEADER, VIEWER_HEADER

from .assembly import Assembly
from .conftest import TOKEN_VERSION


def test_every_call_is_rate_limited(assembly: Assembly) -> None:
    rules = {rule["Name"]: rule for rule in assembly.only("AWS::WAFv2::WebACL")["Rules"]}
    rate = rules["Rate"]["Statement"]["RateBasedStatement"]
    (key,) = rate["CustomKeys"]
    assert key["Header"]["Name"] == VIEWER_HEADER
    first = rules["OnlyThroughCloudFront"]
    assert first["Priority"] == 0, "the viewer's address is believed after that alone"
    match = first["Statement"]["NotStatement"]["Statement"]["ByteMatchStatement"]
    assert match["FieldToMatch"]["SingleHeader"]["Name"] == TOKEN_HEADER
    assert "resolve:secretsmanager" in json.dumps(match["SearchString"])


def test_a_token_is_changed_by_naming_its_version(complete: Assembly) -> None:
    """Both sides change with it; of a secret that has changed alone CloudFormation sees nothing."""
    for stack in ("Api", "Web"):
        assert f":SecretString:::{TOKEN_VERSION}}}}}" in json.dumps(complete.templates[stack]), (
            stack
        )


def test_the_viewers_address_is_believed_where_the_firewall_stands(
    default: Assembly, private: Assembly
) -> None:
    for assembly, header in ((default, VIEWER_HEADER), (private, "")):
        (api,) = (function for spec, function in assembly.functions() if spec.name == "api")
        variables = api["Properties"]["Environment"]["Variables"]
        assert variables["NEPHELE_VIEWER_HEADER"] == header


@pytest.mark.parametrize(
    ("path", "is_free"),
    [
        ("/orthanc/instances", True),
        ("/orthanc/dicom-web/studies", True),
        ("/orthanc/tools/create-dicom", True),
        ("/orthanc/peers/other/store", True),
        ("/orthanc/changes", False),
        ("/orthanc/system", False),
    ],
)
def test_bodies_are_large_where_images_come_in(
    default: Assembly, path: str, *, is_free: bool
) -> None:
    rules = {rule["Name"]: rule for rule in default.only("AWS::WAFv2::WebACL")["Rules"]}
    size, elsewhere = rules["LargeBodies"]["Statement"]["AndStatement"]["Statements"]
    constraint = size["SizeConstraintStatement"]
    assert constraint["FieldToMatch"]["Body"] == {"OversizeHandling": "MATCH"}
    assert constraint["Size"] == 16_384, "API Gateway shows the firewall no more of a body"
    expected = elsewhere["NotStatement"]["Statement"]["RegexMatchStatement"]["RegexString"]
    assert bool(re.search(expected, path)) == is_free


def test_no_rule_of_aws_blocks_a_body(every: Assembly) -> None:
    rules = {rule["Name"]: rule for rule in every.only("AWS::WAFv2::WebACL")["Rules"]}
    group = rules["AWSManagedRulesCommonRuleSet"]["Statement"]["ManagedRuleGroupStatement"]
    counted = {
        override["Name"]
        for override in group["RuleActionOverrides"]
        if override["ActionToUse"] == {"Count": {}}
    }
    assert {"SizeRestrictions_BODY", "CrossSiteScripting_BODY"} <= counted


def test_without_cloudfront_addresses_are_counted(private: Assembly) -> None:
    rules = {rule["Name"]: rule for rule in private.only("AWS::WAFv2::WebACL")["Rules"]}
    assert "OnlyThroughCloudFront" not in rules
    assert rules["Rate"]["Statement"]["RateBasedStatement"]["AggregateKeyType"] == "IP"
    assert not private.resources("AWS::CloudFront::Distribution")


def test_the_firewall_keeps_queries_and_passwords_out_of_its_log(every: Assembly) -> None:
    logging = every.only("AWS::WAFv2::LoggingConfiguration")
    assert {"QueryString": {}} in logging["RedactedFields"]
    assert {"SingleHeader": {"Name": "authorization"}} in logging["RedactedFields"]
