"""What the tests of transcoding share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.transcoding.limited import LimitedChild


@pytest.fixture(scope="session")
def limited_child() -> Iterator[LimitedChild]:
    """Return a process that transcodes with little memory and time."""
    child = LimitedChild()
    yield child
    child.close()
