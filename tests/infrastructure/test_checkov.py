"""checkov over all deployments: nothing fails but what `docs/operations.md` explains."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Mapping

import pytest

from infra.synth import ROOT

from .assembly import Assembly

PYTHON = ROOT / "build" / "checkov" / "bin" / "python"
EXPLAINED = {
    "CKV_AWS_115": "AWS::Lambda::Function",
    "CKV_AWS_116": "AWS::Lambda::Function",
    "CKV_AWS_117": "AWS::Lambda::Function",
    "CKV_AWS_120": "AWS::ApiGateway::Stage.RestApi",
    "CKV_AWS_173": "AWS::Lambda::Function",
    "CKV_AWS_174": "AWS::CloudFront::Distribution",
    "CKV_AWS_18": "AWS::S3::Bucket.(AccessLogs|Logs)",
    "CKV_AWS_59": "AWS::ApiGateway::Method.RestApiblobs",
    "CKV_AWS_68": "AWS::CloudFront::Distribution",
    "CKV_AWS_86": "AWS::CloudFront::Distribution",
    "CKV_AWS_91": "AWS::ElasticLoadBalancingV2::LoadBalancer",
}
"""Checks that fail, and which resources they may fail for."""
NOWHERE = "http://127.0.0.1:9"
"""The discard port: templates are scanned here, and nobody is told of them."""

Findings = Mapping[str, set[str]]


@pytest.fixture(scope="module")
def findings(
    default: Assembly, hospital: Assembly, complete: Assembly, private: Assembly
) -> Findings:
    """Return the resources that each failed check names, of all deployments."""
    if not PYTHON.is_file():
        if "CI" in os.environ:
            pytest.fail("checkov is not installed (make build/checkov/.installed)")
        pytest.skip("checkov is not installed (make build/checkov/.installed)")
    folders = [found.folder for found in (default, hospital, complete, private)]
    templates = [str(path) for folder in folders for path in folder.glob("*.template.json")]
    result = subprocess.run(
        [
            *(str(PYTHON), str(PYTHON.with_name("checkov")), "--framework", "cloudformation"),
            *("--output", "json", "--quiet", "--compact", "--skip-download"),
            *("--skip-results-upload", "--file", *templates),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={"PATH": os.defpath, "HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE},
    )
    report = json.loads(result.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 300 * len(folders)
    found = defaultdict(set)
    for check in report["results"]["failed_checks"]:
        found[check["check_id"]].add(check["resource"])
    return found


def test_nothing_fails_that_is_not_explained(findings: Findings) -> None:
    for check, resources in findings.items():
        for resource in resources:
            assert re.match(EXPLAINED.get(check, "nothing"), resource), (check, resource)


def test_what_is_explained_still_fails(findings: Findings) -> None:
    assert findings.keys() == EXPLAINED.keys()


def test_every_check_that_fails_is_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| CKV_")]
    named = {f"CKV_AWS_{number}" for row in rows for number in re.findall(r"\d+", row)}
    assert named == EXPLAINED.keys()
