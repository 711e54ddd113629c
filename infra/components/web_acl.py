"""Rules in front of the REST API: who asks too much, and what no client of Orthanc sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import ArnFormat, Aws, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

TOKEN_HEADER = "x-nephele-front"  # noqa: S105  a name, not the token
VIEWER_HEADER = "x-nephele-viewer"
"""CloudFront sends both: that a call came through it, and from which address."""
CALLS_IN_FIVE_MINUTES = 20_000
_LARGE_BODY_BYTES = 16_384
"""What the firewall sees of a body of API Gateway, unless it is paid for more: a longer one counts
as too large."""
_TAKES_BODIES = (
    "^/[a-z]+/+(instances|patients|studies|series|tools|uploads|peers|modalities|queries|jobs|"
    "dicom-web|worklists|storage-commitment|transfers)(/|$)"
)
"""Paths where images come in, or lists of ids, or attachments: their bodies may be large."""
_ON_BODIES = {
    "AWSManagedRulesCommonRuleSet": (
        "CrossSiteScripting_BODY",
        "EC2MetaDataSSRF_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",
        "NoUserAgent_HEADER",
        "SizeRestrictions_BODY",
        "SizeRestrictions_QUERYSTRING",
    ),
    "AWSManagedRulesKnownBadInputsRuleSet": (
        "JavaDeserializationRCE_BODY",
        "Log4JRCE_BODY",
    ),
}
"""Rules that only count: pixel data may look like anything, peers are URLs, signatures of large
bodies are long queries, and scripts do not say who they are."""


class WebAcl(Construct):
    """A web ACL of a stage.

    Parameters
    ----------
    token : str
        What CloudFront sends in `TOKEN_HEADER`, and nobody else knows; "" where there is none.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage_arn: str,
        token: str,
        key: kms.IKey,
        retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        rules = [_only_through_cloudfront(token)] if token else []
        rules += [_rate(has_front=bool(token)), _size(), *map(_managed, _ON_BODIES)]
        for priority, rule in enumerate(rules):
            rule["priority"] = priority
        acl = wafv2.CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility("All"),
            rules=[wafv2.CfnWebACL.RuleProperty(**rule) for rule in rules],
        )
        wafv2.CfnWebACLAssociation(
            self, "Association", resource_arn=stage_arn, web_acl_arn=acl.attr_arn
        )
        self._log(acl, key, retention)

    def _log(self, acl: wafv2.CfnWebACL, key: kms.IKey, retention: logs.RetentionDays) -> None:
        """Log what is blocked, without queries, which name patients, and without passwords."""
        group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"aws-waf-logs-{Aws.STACK_NAME}",  # WAF takes no other names
            encryption_key=key,
            retention=retention,
            removal_policy=RemovalPolicy.RETAIN,
        )
        arn = Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=group.log_group_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        kept = {"ActionCondition": {"Action": "BLOCK"}}
        wafv2.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[arn],
            redacted_fields=[
                wafv2.CfnLoggingConfiguration.FieldToMatchProperty(query_string={}),
                *(
                    wafv2.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": name})
                    for name in ("authorization", "cookie", TOKEN_HEADER)
                ),
            ],
            logging_filter={
                "DefaultBehavior": "DROP",
                "Filters": [{"Behavior": "KEEP", "Conditions": [kept], "Requirement": "MEETS_ANY"}],
            },
        )


_Rule = dict[str, Any]


def _visibility(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )


def _rule(name: str, statement: wafv2.CfnWebACL.StatementProperty) -> _Rule:
    return {
        "name": name,
        "statement": statement,
        "action": wafv2.CfnWebACL.RuleActionProperty(block={}),
        "visibility_config": _visibility(name),
    }


def _transformations(kind: str) -> Sequence[wafv2.CfnWebACL.TextTransformationProperty]:
    return [wafv2.CfnWebACL.TextTransformationProperty(priority=0, type=kind)]


def _not(statement: wafv2.CfnWebACL.StatementProperty) -> wafv2.CfnWebACL.StatementProperty:
    return wafv2.CfnWebACL.StatementProperty(
        not_statement=wafv2.CfnWebACL.NotStatementProperty(statement=statement)
    )


def _only_through_cloudfront(token: str) -> _Rule:
    """Block who goes past CloudFront: the address it tells of can be relied on then."""
    matches = wafv2.CfnWebACL.StatementProperty(
        byte_match_statement=wafv2.CfnWebACL.ByteMatchStatementProperty(
            field_to_match=wafv2.CfnWebACL.FieldToMatchProperty(
                single_header={"Name": TOKEN_HEADER}
            ),
            positional_constraint="EXACTLY",
            search_string=token,
            text_transformations=_transformations("NONE"),
        )
    )
    return _rule("OnlyThroughCloudFront", _not(matches))


def _rate(*, has_front: bool) -> _Rule:
    statement = wafv2.CfnWebACL.RateBasedStatementProperty(
        limit=CALLS_IN_FIVE_MINUTES, aggregate_key_type="IP", evaluation_window_sec=300
    )
    if has_front:  # all calls come from CloudFront's own addresses
        header = wafv2.CfnWebACL.RateLimitHeaderProperty(
            name=VIEWER_HEADER, text_transformations=_transformations("NONE")
        )
        statement = wafv2.CfnWebACL.RateBasedStatementProperty(
            limit=CALLS_IN_FIVE_MINUTES,
            aggregate_key_type="CUSTOM_KEYS",
            custom_keys=[wafv2.CfnWebACL.RateBasedStatementCustomKeyProperty(header=header)],
            evaluation_window_sec=300,
        )
    return _rule("Rate", wafv2.CfnWebACL.StatementProperty(rate_based_statement=statement))


def _size() -> _Rule:
    large = wafv2.CfnWebACL.StatementProperty(
        size_constraint_statement=wafv2.CfnWebACL.SizeConstraintStatementProperty(
            field_to_match=wafv2.CfnWebACL.FieldToMatchProperty(
                body=wafv2.CfnWebACL.BodyProperty(oversize_handling="MATCH")
            ),
            comparison_operator="GT",
            size=_LARGE_BODY_BYTES,
            text_transformations=_transformations("NONE"),
        )
    )
    expected = wafv2.CfnWebACL.StatementProperty(
        regex_match_statement=wafv2.CfnWebACL.RegexMatchStatementProperty(
            field_to_match=wafv2.CfnWebACL.FieldToMatchProperty(uri_path={}),
            regex_string=_TAKES_BODIES,
            text_transformations=_transformations("NONE"),
        )
    )
    both = wafv2.CfnWebACL.AndStatementProperty(statements=[large, _not(expected)])
    return _rule("LargeBodies", wafv2.CfnWebACL.StatementProperty(and_statement=both))


def _managed(name: str) -> _Rule:
    counting = wafv2.CfnWebACL.RuleActionProperty(count={})
    group = wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
        vendor_name="AWS",
        name=name,
        rule_action_overrides=[
            wafv2.CfnWebACL.RuleActionOverrideProperty(name=rule, action_to_use=counting)
            for rule in _ON_BODIES[name]
        ],
    )
    return {
        "name": name,
        "statement": wafv2.CfnWebACL.StatementProperty(managed_rule_group_statement=group),
        "override_action": wafv2.CfnWebACL.OverrideActionProperty(none={}),
        "visibility_config": _visibility(name),
    }
