"""Wiring of the templates: environment, queues, mappings, REST API, edge."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.components.rest_api import CHALLENGE
from infra.functions import FUNCTIONS
from infra.local.certificate import ensure_certificate
from infra.synth import synthesize
from infra.tls_files import check_tls_files
from nephele.errors import ConfigurationError
from nephele.settings.configuration import parse_configuration
from nephele.settings.environment import ApiEnvironment, AuthorizeEnvironment, EdgeEnvironment

from .assembly import Assembly

LONGEST_SYNTHESIS_SECONDS = 10
_HTTPS_PORT = 8043
CUSTOM_RESOURCES = ("AWS::CloudFormation::CustomResource", "Custom::")


def test_cfn_lint_finds_nothing(every: Assembly) -> None:
    templates = [str(path) for path in sorted(every.folder.glob("*.template.json"))]
    program = str(Path(sys.executable).with_name("cfn-lint"))
    command = [program, "--ignore-checks", "W3005", "--", *templates]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_two_syntheses_are_identical_and_the_second_is_quick(
    default: Assembly, scratch: Path
) -> None:
    before = os.times()
    again = Assembly(synthesize({}, scratch / "again"))
    after = os.times()
    processor_seconds = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    assert processor_seconds < LONGEST_SYNTHESIS_SECONDS
    names = sorted(path.name for path in default.folder.glob("*.template.json"))
    assert names == sorted(path.name for path in again.folder.glob("*.template.json"))
    for name in names:
        assert (default.folder / name).read_bytes() == (again.folder / name).read_bytes(), name


def test_an_unchanged_app_is_not_synthesized_again(default: Assembly) -> None:
    manifest = default.folder / "manifest.json"
    synthesize({}, default.folder)
    before = manifest.stat().st_mtime_ns
    assert synthesize({}, default.folder) == default.folder
    assert manifest.stat().st_mtime_ns == before


def test_templates_have_no_custom_resources(assembly: Assembly) -> None:
    for stack, template in assembly.templates.items():
        for name, resource in template["Resources"].items():
            assert not resource["Type"].startswith(CUSTOM_RESOURCES), f"{stack}/{name}"
    assert len(assembly.resources("AWS::Lambda::Function")) == len(FUNCTIONS)


def test_functions_get_the_variables_their_model_reads(assembly: Assembly) -> None:
    for spec, function in assembly.functions():
        variables = function["Properties"]["Environment"]["Variables"]
        assert set(variables) == spec.environment.variable_names(), spec.name


def test_the_edge_gets_the_variables_its_models_read(default: Assembly, hospital: Assembly) -> None:
    dicom = EdgeEnvironment.variable_names()
    https = ApiEnvironment.variable_names() | AuthorizeEnvironment.variable_names()
    for assembly, expected in ((default, dicom), (hospital, dicom | https)):
        names = [variable["Name"] for variable in assembly.container()["Environment"]]
        assert sorted(names) == sorted(expected)


def test_functions_have_the_sizes_of_their_rows(assembly: Assembly) -> None:
    for spec, function in assembly.functions():
        properties = function["Properties"]
        assert properties["Timeout"] == spec.timeout_seconds
        assert properties["MemorySize"] == spec.memory_mb
        assert properties["EphemeralStorage"] == {"Size": spec.temporary_storage_mb}
        assert properties["Runtime"] == "python3.13"
        assert properties["Architectures"] == ["x86_64"]


def test_functions_wait_for_their_permissions(assembly: Assembly) -> None:
    for spec, function in assembly.functions():
        assert any("DefaultPolicy" in name for name in function["DependsOn"]), spec.name


def test_queues_have_dead_letter_queues(assembly: Assembly) -> None:
    queues = assembly.resources("AWS::SQS::Queue")
    policies = [queue["Properties"].get("RedrivePolicy") for queue in queues.values()]
    assert {policy["maxReceiveCount"] for policy in policies if policy} == {5}
    targets = {policy["deadLetterTargetArn"]["Fn::GetAtt"][0] for policy in policies if policy}
    without = {
        name.partition("/")[2]
        for name, queue in queues.items()
        if "RedrivePolicy" not in queue["Properties"]
    }
    stream_failures = {name for name in without if name.startswith("StreamFailures")}
    assert len(stream_failures) == 1
    assert without == targets | stream_failures


def _event_source(mapping: dict[str, Any]) -> str:
    source = mapping["Properties"]["EventSourceArn"]
    return str(source.get("Fn::ImportValue") or source["Fn::GetAtt"][0])


def _mapping(assembly: Assembly, name: str) -> dict[str, Any]:
    (found,) = (
        mapping["Properties"]
        for key, mapping in assembly.resources("AWS::Lambda::EventSourceMapping").items()
        if key.startswith(f"Ingest/{name}Mapping")
    )
    return dict(found)


def test_visibility_is_six_times_the_consumers_timeout(assembly: Assembly) -> None:
    queues = {
        name.partition("/")[2]: queue["Properties"]["VisibilityTimeout"]
        for name, queue in assembly.resources("AWS::SQS::Queue").items()
    }
    functions = assembly.templates["Ingest"]["Resources"] | assembly.templates["Jobs"]["Resources"]
    checked = set()
    for mapping in assembly.resources("AWS::Lambda::EventSourceMapping").values():
        source = _event_source(mapping)
        timeout = functions[mapping["Properties"]["FunctionName"]["Ref"]]["Properties"]["Timeout"]
        for name, visibility in queues.items():
            if name in source:
                assert visibility >= 6 * timeout, name
                checked.add(name)
    polled = {
        name for name in queues if name.startswith("EdgeJobsQueue") and "DeadLetters" not in name
    }
    assert len(polled) == 1, "the edge polls its own queue"
    assert checked == set(queues) - polled


def test_the_index_takes_large_batches_few_at_a_time(assembly: Assembly) -> None:
    mapping = _mapping(assembly, "IndexInbox")
    assert mapping["BatchSize"] == 100
    assert mapping["MaximumBatchingWindowInSeconds"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 4}


def test_the_stream_is_filtered_bisected_and_has_a_way_out(assembly: Assembly) -> None:
    mapping = _mapping(assembly, "Stream")
    (found,) = mapping["FilterCriteria"]["Filters"]
    pattern = json.loads(found["Pattern"])
    assert pattern == {
        "eventName": ["INSERT"],
        "dynamodb": {"NewImage": {"pk": {"S": [{"prefix": "PENDING#"}, {"prefix": "CHANGES"}]}}},
    }
    assert mapping["BatchSize"] == 100
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == -1
    assert 0 < mapping["MaximumRecordAgeInSeconds"] < 86_400
    assert (
        "StreamFailures"
        in mapping["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
    )


def test_every_dead_letter_queue_has_a_consumer(assembly: Assembly) -> None:
    consumed = [
        _event_source(mapping)
        for mapping in assembly.resources("AWS::Lambda::EventSourceMapping").values()
        if mapping["Properties"]["FunctionName"]["Ref"].startswith("DeadLetters")
    ]
    queues = assembly.resources("AWS::SQS::Queue").values()
    dead = [queue for queue in queues if "RedrivePolicy" not in queue["Properties"]]
    assert len(consumed) == len(set(consumed)) == len(dead) > 0


@pytest.mark.parametrize(
    ("prefix", "queue"), [("raw/", "TranscodeInbox"), ("dicom/", "IndexInbox")]
)
def test_the_bucket_announces_objects_by_itself(default: Assembly, prefix: str, queue: str) -> None:
    bucket = default.templates["Data"]["Resources"]["Bucket83908E77"]
    configurations = bucket["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    (found,) = (
        item for item in configurations if item["Filter"]["S3Key"]["Rules"][0]["Value"] == prefix
    )
    assert found["Event"] == "s3:ObjectCreated:*"
    assert found["Queue"]["Fn::GetAtt"][0].startswith(queue)
    assert any(name.startswith(f"{queue}QueuePolicy") for name in bucket["DependsOn"])


def test_unauthorized_answers_carry_the_challenge(assembly: Assembly) -> None:
    responses = {
        response["Properties"]["ResponseType"]: response
        for response in assembly.resources("AWS::ApiGateway::GatewayResponse").values()
    }
    assert set(responses) == {"UNAUTHORIZED", "REQUEST_TOO_LARGE"}
    response = responses["UNAUTHORIZED"]
    assert response["Properties"]["StatusCode"] == "401"
    assert response["Properties"]["ResponseParameters"] == {
        "gatewayresponse.header.WWW-Authenticate": f"'{CHALLENGE}'"
    }
    assert CHALLENGE == 'Basic realm="Orthanc Secure Area"'


def test_only_signed_paths_need_no_login(assembly: Assembly) -> None:
    methods = assembly.resources("AWS::ApiGateway::Method")
    kinds = {
        name: (method["Properties"]["HttpMethod"], method["Properties"]["AuthorizationType"])
        for name, method in methods.items()
    }
    assert sorted(kinds.values()) == [("ANY", "CUSTOM"), ("ANY", "CUSTOM"), ("GET", "NONE")]
    (signed,) = (name for name, kind in kinds.items() if kind[1] == "NONE")
    assert "blobs" in signed


def test_the_api_is_regional_and_binary_and_starts_from_a_snapshot(assembly: Assembly) -> None:
    (api,) = assembly.resources("AWS::ApiGateway::RestApi").values()
    assert api["Properties"]["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert api["Properties"]["BinaryMediaTypes"] == ["*/*"]
    snapshots = {
        spec.name: function["Properties"].get("SnapStart")
        for spec, function in assembly.functions()
    }
    assert snapshots.pop("api") == {"ApplyOn": "PublishedVersions"}
    assert set(snapshots.values()) == {None}
    (alias,) = assembly.resources("AWS::Lambda::Alias")
    for method in assembly.resources("AWS::ApiGateway::Method").values():
        assert alias.partition("/")[2] in json.dumps(method["Properties"]["Integration"]["Uri"])


@pytest.mark.parametrize(
    ("name", "ports"),
    [("default", [104, 2762, 4242, 11112]), ("hospital", [104, 2762, 8043, 11112])],
)
def test_listeners_lead_to_the_configured_port(
    request: pytest.FixtureRequest, name: str, ports: list[int]
) -> None:
    assembly: Assembly = request.getfixturevalue(name)
    listeners = assembly.resources("AWS::ElasticLoadBalancingV2::Listener").values()
    assert sorted(listener["Properties"]["Port"] for listener in listeners) == ports
    reached = set()
    for targets in assembly.resources("AWS::ElasticLoadBalancingV2::TargetGroup").values():
        attributes = {
            attribute["Key"]: attribute["Value"]
            for attribute in targets["Properties"]["TargetGroupAttributes"]
        }
        assert attributes["preserve_client_ip.enabled"] == "true"
        properties = targets["Properties"]
        own = properties["Port"]
        reached |= {own, int(properties.get("HealthCheckPort", own))}
    mapped = {mapping["ContainerPort"] for mapping in assembly.container()["PortMappings"]}
    assert mapped == reached


def test_two_tasks_without_privileges(assembly: Assembly) -> None:
    (service,) = assembly.resources("AWS::ECS::Service").values()
    assert service["Properties"]["DesiredCount"] == 2
    container = assembly.container()
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert container["ReadonlyRootFilesystem"] is True
    assert container["StopTimeout"] == 120


def test_the_edge_carries_the_configuration_itself(hospital: Assembly) -> None:
    environment = {
        variable["Name"]: variable["Value"] for variable in hospital.container()["Environment"]
    }
    configuration = parse_configuration(environment["NEPHELE_CONFIGURATION"])
    assert configuration.dicom_aet == "HOSPITAL"
    assert configuration.dicom_port == 104


def test_a_new_network_has_no_way_to_the_internet(default: Assembly) -> None:
    for absent in ("AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route"):
        assert default.resources(absent) == {}
    endpoints = default.resources("AWS::EC2::VPCEndpoint").values()
    kinds = sorted(endpoint["Properties"]["VpcEndpointType"] for endpoint in endpoints)
    assert kinds == ["Gateway"] * 2 + ["Interface"] * 5


def test_an_existing_network_is_used_as_given(hospital: Assembly) -> None:
    assert hospital.resources("AWS::EC2::VPC") == {}
    gateways = [
        endpoint["Properties"]["RouteTableIds"]
        for endpoint in hospital.resources("AWS::EC2::VPCEndpoint").values()
        if endpoint["Properties"]["VpcEndpointType"] == "Gateway"
    ]
    assert gateways == [["rtb-0123456789abcdef0", "rtb-0123456789abcdef1"]] * 2
    groups = hospital.resources("AWS::EC2::SecurityGroup").values()
    ranges = {
        rule["CidrIp"]
        for group in groups
        for rule in group["Properties"].get("SecurityGroupIngress", [])
    }
    assert ranges == {"10.0.0.0/8", "192.168.7.0/24"}


def test_the_edge_is_asked_for_its_health_beside_dicom(assembly: Assembly) -> None:
    container = assembly.container()
    assert container["HealthCheck"]["Command"] == ["CMD", "python", "-m", "dimse_edge.health"]
    environment = {item["Name"]: item["Value"] for item in container["Environment"]}
    for targets in assembly.resources("AWS::ElasticLoadBalancingV2::TargetGroup").values():
        if targets["Properties"]["Port"] == _HTTPS_PORT:
            continue
        assert targets["Properties"]["HealthCheckProtocol"] == "HTTP"
        assert targets["Properties"]["HealthCheckPort"] == environment["NEPHELE_SIDE_PORT"]
    for listener in assembly.resources("AWS::ElasticLoadBalancingV2::Listener").values():
        (attribute,) = listener["Properties"]["ListenerAttributes"]
        assert attribute == {"Key": "tcp.idle_timeout.seconds", "Value": "6000"}


def test_the_edge_grows_with_processors_and_associations(assembly: Assembly) -> None:
    (target,) = assembly.resources("AWS::ApplicationAutoScaling::ScalableTarget").values()
    assert (target["Properties"]["MinCapacity"], target["Properties"]["MaxCapacity"]) == (2, 6)
    policies = assembly.resources("AWS::ApplicationAutoScaling::ScalingPolicy").values()
    configurations = [
        policy["Properties"]["TargetTrackingScalingPolicyConfiguration"] for policy in policies
    ]
    custom = [
        item["CustomizedMetricSpecification"]
        for item in configurations
        if len(item) == 4 and "CustomizedMetricSpecification" in item
    ]
    assert [item["MetricName"] for item in custom] == ["Associations"]
    assert len(configurations) == 2


def test_a_task_may_protect_itself(assembly: Assembly) -> None:
    allowed = [
        statement
        for policy in assembly.templates["Edge"]["Resources"].values()
        if policy["Type"] == "AWS::IAM::Policy"
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "ecs:UpdateTaskProtection" in statement["Action"]
    ]
    (statement,) = allowed
    assert json.dumps(statement["Resource"]).endswith('"/*"]]}')


def test_the_edge_serves_https_where_it_is_asked_for(default: Assembly, hospital: Assembly) -> None:
    for assembly, is_asked_for in ((default, False), (hospital, True)):
        container = assembly.container()
        ports = {mapping["ContainerPort"] for mapping in container["PortMappings"]}
        assert (8043 in ports) is is_asked_for
        listeners = assembly.resources("AWS::ElasticLoadBalancingV2::Listener").values()
        opened = [item for item in listeners if item["Properties"]["Port"] == 8043]
        assert len(opened) == is_asked_for
        groups = assembly.resources("AWS::ElasticLoadBalancingV2::TargetGroup").values()
        assert sorted(item["Properties"]["Port"] for item in groups)[1:] == [8043] * is_asked_for
        allowed = {
            rule["Properties"]["FromPort"]
            for rule in assembly.resources("AWS::EC2::SecurityGroupIngress").values()
        }
        assert (8043 in allowed) is is_asked_for
        text = json.dumps(assembly.templates["Edge"])
        assert ("Users" in text) is is_asked_for, "the secret of the users"
        assert "PRIVATE KEY" not in text


def test_https_is_healthy_where_its_own_port_is_open(hospital: Assembly) -> None:
    groups = hospital.resources("AWS::ElasticLoadBalancingV2::TargetGroup").values()
    (checked,) = (
        item["Properties"] for item in groups if item["Properties"]["Port"] == _HTTPS_PORT
    )
    assert checked["HealthCheckProtocol"] == "TCP"
    assert checked.get("HealthCheckPort", "traffic-port") == "traffic-port"
    seconds = checked["HealthCheckIntervalSeconds"] * checked["UnhealthyThresholdCount"]
    assert seconds >= 60, "a process that starts anew does not cost a task and its associations"


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    made = ensure_certificate(tmp_path)
    options = {"SslEnabled": True, "SslCertificate": made.chain.name}
    with pytest.raises(ConfigurationError, match="SslCertificate"):
        check_tls_files(options, tmp_path)
    with pytest.raises(ConfigurationError, match=r"SslCertificate: .*certificate\.pem: No such"):
        check_tls_files({"SslEnabled": True}, tmp_path)
