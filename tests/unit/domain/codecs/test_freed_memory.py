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

_KEEP_OF_TEN_THREADS = """
import threading
from pathlib import Path
from nephele.domain.codecs.freed_memory import keep_freed_memory

def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) << 12

def work():
    together.wait()
    blocks = [bytearray(9 << 20) for _ in range(4)]
    together.wait()
    del blocks
    together.wait()

keep_freed_memory()
before = resident_bytes()
together = threading.Barrier(10)
threads = [threading.Thread(target=work) for _ in range(10)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(resident_bytes() - before)
"""

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")


def printed(program: str) -> int:
    """Run a program in a process of its own, and return the number it prints."""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout)


def test_what_is_freed_is_taken_again() -> None:
    assert printed(_COUNT_FAULTS) < 5 * 4 * (9 << 20) // 4096 // 10


def test_what_many_threads_freed_is_given_back() -> None:
    assert printed(_KEEP_OF_TEN_THREADS) < 260 << 20
