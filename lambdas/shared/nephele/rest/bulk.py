"""Descriptions of many resources, as a body names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nephele.rest.fields import flag_field, format_fields, resources_field
from nephele.rest.find_body import parse_level
from nephele.services.archive import Archive
from nephele.services.bulk_content import bulk_content
from nephele.services.resources_view import View


def read_bulk(archive: Archive, body: Mapping[str, Any]) -> list[Any]:
    """Describe the resources of a body, or what is above or beneath them at its level."""
    level = parse_level(body) if "Level" in body else None
    identifiers = resources_field(body)
    has_metadata = flag_field(body, "Metadata", default=True)
    view = View(format_fields(body))
    return list(bulk_content(archive, identifiers, level, view, has_metadata=has_metadata))
