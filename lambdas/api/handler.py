"""The api function: Orthanc's REST API behind API Gateway."""

from __future__ import annotations

import gc

gc.disable()  # nothing of what a start makes is garbage, and looking for it takes a tenth of it

import asyncio
import os
from functools import cache

from mangum import Mangum

from nephele.rest.app import create_app
from nephele.rest.limits import LAMBDA
from nephele.rest.routes import analyse_all
from nephele.services.archive import Archive, open_archive
from nephele.settings.environment import PREFIX, ApiEnvironment

NEVER_TEXT = ["\0"]
"""Bodies always travel in base64: as text, JSON is escaped twice and may outgrow Lambda's limit."""


@cache
def _archive() -> Archive:
    return open_archive(ApiEnvironment())


asyncio.set_event_loop(asyncio.new_event_loop())  # Mangum runs on it; nobody else makes one
_app = create_app(_archive, LAMBDA)
_app.state.viewer_header = os.environ.get(f"{PREFIX}VIEWER_HEADER", "")
handler = Mangum(_app, lifespan="off", text_mime_types=NEVER_TEXT)

if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand") != "on-demand":
    analyse_all()  # nobody waits while SnapStart takes its snapshot
gc.freeze()
gc.enable()
