"""The one structured logger: constant messages, ids and counts beside them.

Lines carry ids, UIDs, AETs, counts, bytes and durations, never attributes of a patient, values of
a query or presigned URLs.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from enum import StrEnum

from aws_lambda_powertools import Logger

logger = Logger(
    service=os.environ.get("POWERTOOLS_SERVICE_NAME", "nephele"),
    log_uncaught_exceptions=False,
    serialize_stacktrace=False,
    utc=True,
)
"""Name of the service and level come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL."""


class Category(StrEnum):
    """Orthanc's categories of logs; Nephele has no Lua, plugins or SQLite to write any."""

    GENERIC = "generic"
    PLUGINS = "plugins"
    HTTP = "http"
    SQLITE = "sqlite"
    DICOM = "dicom"
    JOBS = "jobs"
    LUA = "lua"


class Verbosity(StrEnum):
    """Orthanc's levels, ascending: as the process was started, information, everything."""

    DEFAULT = "default"
    VERBOSE = "verbose"
    TRACE = "trace"


class _Process:
    """What this process writes: one category, down to the level it was started with."""

    category = Category.GENERIC
    level = logger.log_level


def write_as(category: Category) -> None:
    """Say which category the lines of this process belong to."""
    _Process.category = category


def set_verbosity(levels: Mapping[Category, Verbosity]) -> None:
    """Write as much as the level of this process's category asks for."""
    wanted = {
        Verbosity.DEFAULT: _Process.level,
        Verbosity.VERBOSE: min(logging.INFO, _Process.level),
        Verbosity.TRACE: logging.DEBUG,
    }[levels[_Process.category]]
    if logger.log_level != wanted:
        logger.setLevel(wanted)
