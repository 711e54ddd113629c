"""The pages that must not differ from the code."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from nephele.rest.routes import served_routes
from nephele.settings.configuration import Configuration

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| (GET|POST|PUT|DELETE) \| `([^`]+)` \| .+ \|$", re.MULTILINE)


def test_every_route_is_in_the_table() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    served = {(verb, route.path) for route in served_routes() for verb in route.methods or ()}
    documented = [(verb, path) for verb, path in ROW.findall(page)]
    assert sorted(documented) == sorted(served)


def test_configuration_page_is_true() -> None:
    generator = runpy.run_path(str(ROOT / "scripts" / "configuration_page.py"))
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == generator["render"]()


def test_every_option_is_explained_once() -> None:
    generator = runpy.run_path(str(ROOT / "scripts" / "configuration_page.py"))
    fields = {field.alias for field in Configuration.model_fields.values()}
    assert set(generator["MEANINGS"]) == fields - {"not_honoured"}
