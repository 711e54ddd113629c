"""No role may do what no call of any test has done. `make test` asks this at its end."""

from __future__ import annotations

import sys

import pytest

from tests.noted import VARIABLE, folder, read_notes

FOLDERS = ("differential", "local", "system")
"""Tests that run local stacks; a part of them does not use all there is."""
OF_POLLERS = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
"""Lambda polls queues in the function's name; the poller here does with fewer of them."""


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
    unused = sorted(call for call in granted - _calls(notes.used) if not _is_pollers(call))
    sys.stdout.write("\n".join(["", "grants that no call used:", *unused, ""]))
    elsewhere = sorted(grant for grant in notes.granted - notes.used if not _is_pollers(grant))
    sys.stdout.write("\n".join(["used, but not on:", *elsewhere, ""]))
    assert unused == []


def _calls(grants: set[str]) -> set[str]:
    """Return functions with actions: on which of the bucket's areas is left aside."""
    return {" ".join(grant.split()[:2]) for grant in grants}


def _is_pollers(grant: str) -> bool:
    """Tell whether Lambda has a grant for itself: the edge polls its own queue."""
    owner, action = grant.split()[:2]
    return owner != "edge" and action in OF_POLLERS
