"""Frames of some MiB come and go without new pages from the kernel."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_COUNT_FAULTS = """
import resource
from nephele.domain.codecs.freed_memory import keep_freed_memory
keep_freed_memory()
for _ in range(3):
    blocks = [bytearray(9 << 20) for _ in range(4)]
    del blocks
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    blocks = [bytearray(9 << 20) for _ in range(4)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_what_is_freed_is_taken_again() -> None:
    command = [sys.executable, "-c", _COUNT_FAULTS]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout) < 5 * 4 * (9 << 20) // 4096 // 10
