"""The local copy of a template: what is changed for ministack, and that nothing else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.local.assembly import Stack, read_assembly
from infra.local.faults import Faults, Switches
from infra.local.sources.patterns import check, matches
from infra.local.sources.schedule import _interval

FUNCTION: dict[str, Any] = {
    "Type": "AWS::Lambda::Function",
    "Metadata": {"aws:asset:path": "asset.1"},
    "Properties": {"Code": {"S3Key": "x"}, "SnapStart": {}, "Timeout": 3},
}


def _local(resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return Stack("S", Path("/assembly"), {"Resources": resources, **more}).local_template()


def test_functions_are_empty_and_keep_their_settings() -> None:
    local = _local({"F": FUNCTION})["Resources"]["F"]
    assert set(local["Properties"]) == {"Code", "Timeout"}
    assert "asset.1" in local["Properties"]["Code"]["ZipFile"]


def test_mappings_and_rules_are_disabled() -> None:
    resources = {
        "M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"BatchSize": 3}},
        "R": {"Type": "AWS::Events::Rule", "Properties": {"State": "ENABLED"}},
    }
    local = _local(resources)["Resources"]
    assert local["M"]["Properties"] == {"BatchSize": 3, "Enabled": False}
    assert local["R"]["Properties"] == {"State": "DISABLED"}


def test_a_reference_to_a_secret_is_its_arn() -> None:
    resources = {
        "Users": {"Type": "AWS::SecretsManager::Secret"},
        "Key": {"Type": "AWS::KMS::Key"},
        "T": {"Type": "Other", "Properties": {"A": [{"Ref": "Users"}], "B": {"Ref": "Key"}}},
    }
    local = _local(resources)["Resources"]["T"]["Properties"]
    assert local == {"A": [{"Fn::GetAtt": ["Users", "Id"]}], "B": {"Ref": "Key"}}


def test_of_a_stack_with_tasks_only_what_they_need_is_kept() -> None:
    resources = {
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {"TaskRoleArn": {"Fn::GetAtt": ["Role", "Arn"]}},
            "DependsOn": ["Vpc"],
        },
        "Role": {"Type": "AWS::IAM::Role"},
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {"Roles": [{"Ref": "Role"}], "PolicyDocument": {"Statement": []}},
        },
        "Vpc": {"Type": "AWS::EC2::VPC"},
        "Service": {"Type": "AWS::ECS::Service", "Properties": {"Task": {"Ref": "Task"}}},
    }
    local = _local(resources, Outputs={"Address": {"Value": {"Ref": "Vpc"}}})
    assert set(local["Resources"]) == {"Task", "Role", "Policy"}
    assert not local["Outputs"]
    assert "DependsOn" not in local["Resources"]["Task"]


def test_policies_are_said_in_ministacks_words() -> None:
    statements = [
        {"Action": "sqs:DeleteMessage", "Resource": "queue"},
        {"Action": ["dynamodb:GetRecords"], "Resource": "stream"},
        {"Action": ["s3:GetObject"], "Resource": "objects"},
    ]
    policy = {
        "Type": "AWS::IAM::Policy",
        "Properties": {"PolicyDocument": {"Statement": statements}},
    }
    local = _local({"P": policy})["Resources"]["P"]["Properties"]["PolicyDocument"]["Statement"]
    assert local == [
        {"Action": ["sqs:DeleteMessage", "sqs:DeleteMessageBatch"], "Resource": "queue"},
        {"Action": ["dynamodb:GetRecords"], "Resource": "*"},
        {"Action": ["s3:GetObject"], "Resource": "objects"},
    ]


def test_stacks_that_run_here_come_in_the_order_they_depend_on_each_other(tmp_path: Path) -> None:
    kinds = dict.fromkeys("ABC", "AWS::Lambda::Function") | {"D": "AWS::CloudFront::Distribution"}
    artifacts = {
        name: {
            "type": "aws:cloudformation:stack",
            "properties": {"templateFile": f"{name}.json", "stackName": f"N-{name}"},
            "dependencies": needs,
        }
        for name, needs in {
            "C": ["A", "B", "C.assets"],
            "A": [],
            "B": ["A"],
            "D": ["C"],
        }.items()
    }
    for name, kind in kinds.items():
        template = {"Resources": {"Own": {"Type": kind}}}
        (tmp_path / f"{name}.json").write_text(json.dumps(template), encoding="utf-8")
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    assert [stack.name for stack in read_assembly(tmp_path)] == ["N-A", "N-B", "N-C"]


RECORD = {"eventName": "INSERT", "dynamodb": {"NewImage": {"pk": {"S": "P#1"}, "n": {"N": "1"}}}}


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        pytest.param({"eventName": ["INSERT"]}, True, id="a value"),
        pytest.param({"eventName": ["MODIFY", "INSERT"]}, True, id="one of several"),
        pytest.param({"eventName": ["MODIFY"]}, False, id="another value"),
        pytest.param({"missing": ["x"]}, False, id="a key that is missing"),
        pytest.param(
            {"dynamodb": {"NewImage": {"pk": {"S": [{"prefix": "P#"}]}}}}, True, id="a prefix"
        ),
        pytest.param(
            {"dynamodb": {"NewImage": {"pk": {"S": [{"prefix": "Q"}]}}}}, False, id="another prefix"
        ),
        pytest.param(
            {"dynamodb": {"NewImage": {"pk": {"S": [{"suffix": "1"}]}}}}, True, id="a suffix"
        ),
        pytest.param({"eventName": [{"anything-but": ["REMOVE"]}]}, True, id="anything but"),
        pytest.param({"dynamodb": {"OldImage": [{"exists": False}]}}, True, id="absence"),
        pytest.param({"dynamodb": {"NewImage": [{"exists": False}]}}, False, id="presence"),
        pytest.param({"eventName": ["INSERT"], "x": ["y"]}, False, id="all keys must fit"),
    ],
)
def test_filter_patterns(pattern: dict[str, Any], fits: bool) -> None:
    check(pattern)
    assert matches([pattern], RECORD) is fits


def test_a_pattern_that_is_not_emulated_is_refused() -> None:
    with pytest.raises(ValueError, match="numeric"):
        check({"dynamodb": {"n": [{"numeric": [">", 1]}]}})


@pytest.mark.parametrize(
    ("expression", "seconds"), [("rate(1 minute)", 60), ("rate(15 minutes)", 900)]
)
def test_rates(expression: str, seconds: int) -> None:
    assert _interval(expression) == seconds


def test_a_cron_expression_is_refused() -> None:
    with pytest.raises(ValueError, match="cron"):
        _interval("cron(0 12 * * ? *)")


def test_switches_refuse_what_cannot_work() -> None:
    switches = Switches(Faults(), has_proxy=False)
    with pytest.raises(ValueError, match="no such switch: konflikt"):
        switches.change({"konflikt": 1})
    with pytest.raises(ValueError, match="--proxy"):
        switches.change({"conflict": 0.3})
    assert switches.change({"duplicate": 0.5, "paused": ["index"]}).paused == ("index",)
