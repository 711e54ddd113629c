"""What a release may not replace: what the one before keeps, and where it is reached, as a record.

`python -m infra.release` writes the record of the present templates to `infra/release.json`; that
is done once for each release, never to make a test pass.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.synth import ROOT, synthesize

RECORD = ROOT / "infra" / "release.json"

REPLACING = {
    "AWS::Backup::BackupVault": ("BackupVaultName", "EncryptionKeyArn"),
    "AWS::DynamoDB::Table": ("TableName", "KeySchema", "LocalSecondaryIndexes", "ImportSourceSpec"),
    "AWS::KMS::Key": ("KeySpec", "MultiRegion"),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::S3::Bucket": ("BucketName", "ObjectLockEnabled"),
    "AWS::SecretsManager::Secret": ("Name",),
    "AWS::SQS::Queue": ("QueueName", "FifoQueue"),
}
"""Types that hold what must not be lost, and the properties whose change replaces one.

Encryption of the table is changed in place, as is a bucket's.
"""
REACHED_AT = {
    "AWS::ApiGateway::RestApi": (),
    "AWS::CloudFront::Distribution": (),
    "AWS::EC2::Subnet": ("AvailabilityZone", "CidrBlock"),
    "AWS::EC2::VPC": ("CidrBlock", "InstanceTenancy"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("Name", "Scheme", "Type"),
}
"""Types whose addresses a hospital has in its modalities, clients and firewalls."""

Record = dict[str, dict[str, Any]]


def record_of(folder: Path) -> Record:
    """Return the resources of an assembly that no release replaces, by `stack/logical id`."""
    return dict(sorted(_iter_resources(folder)))


def _iter_resources(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in folder.glob("*.template.json"):
        stack = path.name.partition(".")[0]
        template = json.loads(path.read_text(encoding="utf-8"))
        for name, resource in template["Resources"].items():
            fixed = (REPLACING | REACHED_AT).get(resource["Type"])
            if fixed is not None:
                properties = resource.get("Properties", {})
                kept = {key: properties[key] for key in fixed if key in properties}
                yield f"{stack}/{name}", {"type": resource["Type"], "fixed": kept}


def replaced(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what a deployment of `now` over `before` would replace or remove."""
    return [
        f"{name}: {'is gone' if name not in now else 'would be replaced'}"
        for name, resource in sorted(before.items())
        if now.get(name) != resource
    ]


def main() -> None:
    """Write the record of the present templates."""
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        record = record_of(synthesize({}, Path(folder)))
    RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(record)} resources: {RECORD}\n")


if __name__ == "__main__":
    main()
