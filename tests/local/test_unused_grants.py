"""No role may do what no call of any test has done. `make test` asks this at its end."""

from __future__ import annotations

import sys

import pytest

from tests.noted import VARIABLE, folder, read_notes

FOLDERS = ("differential", "local", "system")
"""Tests that run local stacks; a part of them does not use all there is."""
OF_POLLERS = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
"""Lambda polls queues in the function's name; the poller here does with fewer of them."""
NOT_CALLED = {
    "s3:AbortMultipartUpload": "after an upload in parts that fails midway",
    "s3:ListBucket": "S3 asks for it where an object is absent: 404, not 403",
    "index dynamodb:GetItem": "where an instance is deleted while it is indexed",
    "transcode dynamodb:GetItem": "where the same was transcoded with loss before",
    "edge s3:ListMultipartUploadParts": "where its own HTTPS makes an archive of several parts",
    "metadata s3:GetObject": "where AutoForward asks for a tag of a header too large for a row",
    "recycle s3:GetObject": "where what it goes on with was undone, or had ended midway, meanwhile",
    "recycle sqs:SendMessage": "where its time is over before the archive is within its limits",
    "recycle sqs:ChangeMessageVisibility": "after DynamoDB or S3 fails",
    "recycle sqs:GetQueueUrl": "after DynamoDB or S3 fails",
}
"""Grants that no test can use, by action or by function and action, and when they are."""


@pytest.mark.judges
def test_no_role_may_do_what_no_call_has_done(request: pytest.FixtureRequest) -> None:
    kept = folder()
    if kept is None:
        pytest.skip(f"only `make test` knows what all tests have used ({VARIABLE})")
    notes = read_notes(kept)
    root = request.config.rootpath
    modules = (path for name in FOLDERS for path in (root / "tests" / name).rglob("test_*.py"))
    whole = {str(path.relative_to(root)) for path in modules if path != request.path}
    assert sorted(whole - notes.modules) == [], "these were not run"
    granted = _calls(notes.granted)
    unused = sorted(filter(_can_be_called, granted - _calls(notes.used)))
    sys.stdout.write("\n".join(["", "grants that no call used:", *unused, ""]))
    elsewhere = sorted(grant for grant in notes.granted - notes.used if _is_elsewhere(grant))
    sys.stdout.write("\n".join(["used, but not on:", *elsewhere, ""]))
    assert unused == []
    for call in NOT_CALLED:
        assert any(call in (one, one.split()[1]) for one in granted), call


def _calls(grants: set[str]) -> set[str]:
    """Return functions with actions: on which of the bucket's areas is left aside."""
    return {" ".join(grant.split()[:2]) for grant in grants}


def _is_elsewhere(grant: str) -> bool:
    """Tell whether a grant is not about an exception: its action was used on another area alone."""
    (call,) = _calls({grant})
    return _can_be_called(call)


def _can_be_called(call: str) -> bool:
    owner, action = call.split()
    is_pollers = owner != "edge" and action in OF_POLLERS
    return not is_pollers and action not in NOT_CALLED and call not in NOT_CALLED
