"""Decoders of other makers, which judge what Nephele writes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def run_judge(
    command: list[str], encoded: bytes, folder: Path, names: tuple[str, str] = ("in.dcm", "out.dcm")
) -> bytes:
    """Give a file to a command line tool and return the file it makes of it.

    A missing tool is a failure where `CI` is set, a skip elsewhere.
    """
    if shutil.which(command[0]) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{command[0]} is not installed")
        pytest.skip(f"{command[0]} is not installed")
    source, target = (folder / name for name in names)
    source.write_bytes(encoded)
    subprocess.run([*command, source, target], check=True, capture_output=True, timeout=60)
    return target.read_bytes()
