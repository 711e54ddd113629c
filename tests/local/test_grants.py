"""Grants of the roles: read back from AWS, noted when used, and none that nothing has used."""

from __future__ import annotations

import pytest

from infra.local.aws.areas import area_of
from infra.local.grants import Grant, used
from tests.stack import Stack

INDEX = "arn:aws:iam::000000000000:role/Nephele-Ingest-IndexRole33B39750-2EE621FC1DE43"
SESSION = (
    "arn:aws:sts::000000000000:assumed-role/Nephele-Ingest-IndexRole33B39750-2EE621FC1DE43/local"
)


@pytest.mark.parametrize(
    ("arn", "area"),
    [
        ("arn:aws:s3:::data-bucket1-c0f29e9990e26/dicom/*", "data-bucket1/dicom"),
        ("arn:aws:s3:::data-bucket1-c0f29e9990e26/dicom/ab/cd/ef", "data-bucket1/dicom"),
        ("arn:aws:s3:::data-bucket1-c0f29e9990e26", "data-bucket1"),
        ("arn:aws:dynamodb:r:0:table/Data-Table-7C62938E5E342", "table/Data-Table"),
        ("arn:aws:sqs:r:0:Ingest-PurgeQueueAE1F00A3-2787978F07A8B", "Ingest-PurgeQueueAE1F00A3"),
        ("arn:aws:secretsmanager:r:0:secret:Peers-02117D3D2B8EE-80492e", "Peers"),
        ("*", "*"),
    ],
)
def test_a_pattern_and_what_it_grants_have_one_area(arn: str, area: str) -> None:
    assert area_of(arn) == area


@pytest.mark.parametrize(
    ("session", "action", "told"),
    [
        (SESSION, "s3:GetObject", {Grant("index", "s3:GetObject", "b/dicom")}),
        (SESSION, "sqs:SendMessageBatch", {Grant("index", "sqs:SendMessage", "b/dicom")}),
        ("arn:aws:iam::000000000000:root", "s3:GetObject", set()),
    ],
)
def test_what_was_noted_is_told_by_function(session: str, action: str, told: set[Grant]) -> None:
    assert used([(session, action, "b/dicom")], {INDEX: "index"}) == told


def test_a_call_uses_its_grant(stack: Stack) -> None:
    with stack.rest() as rest:
        rest.get("/statistics").raise_for_status()
    grants = stack.grants()
    assert {grant.split()[0] for grant in grants["granted"]} >= {"api", "edge", "index", "purge"}
    assert set(grants["used"]) <= set(grants["granted"])
    assert any(grant.startswith("api dynamodb:") for grant in grants["used"])
