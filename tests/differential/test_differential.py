"""Nephele answers as Orthanc does, but for what the table of intended differences lists."""

from __future__ import annotations

import pytest

from tests.differential import keeping, reading, rendering, searching, tagging, writing
from tests.differential.corpus import SAMPLES
from tests.differential.report import Report
from tests.differential.scenario import CHANGE_LOG, SENDING
from tests.differential.tree import SENT

_TABLES = {
    "empty archive": reading.EMPTY,
    "uploads": (*writing.UPLOADS, *writing.MORE_UPLOADS),
    "changes": reading.CHANGES,
    "resources": reading.READING,
    "images": reading.IMAGES,
    "pictures": rendering.RENDERING,
    "tags": tagging.TAGS,
    "tools": reading.TOOLS,
    "options": tagging.OPTIONS,
    "odd requests": reading.ODD,
    "odd uploads": writing.UPLOAD_VARIANTS,
    "both ways in": writing.RESENT,
    "what is left": writing.LEFT,
    "deletions": writing.DELETES,
    "what users keep": keeping.KEEPING,
    "searches": (*searching.UPLOADS, *searching.SEARCHES),
}


@pytest.mark.parametrize("reason", [r.reason for table in _TABLES.values() for r in table])
def test_request_is_answered_alike(found: Report, reason: str) -> None:
    assert found.about(reason) == []


@pytest.mark.parametrize("name", [sample.name for sample in SAMPLES])
def test_file_is_shown_alike(found: Report, name: str) -> None:
    assert found.about(name) == []


@pytest.mark.parametrize("name", [node.name for node in SENT])
def test_image_sent_by_storescu_is_shown_alike(found: Report, name: str) -> None:
    assert found.about(f"sent {name}") == []


def test_storescu_ends_alike(found: Report) -> None:
    assert found.about(SENDING) == []


def test_change_log_is_alike(found: Report) -> None:
    assert found.about(CHANGE_LOG) == []


def test_no_intended_difference_is_stale(found: Report) -> None:
    assert found.stale == ()
