"""Memory that a frame took, kept for the next one."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""What `mallopt` of glibc calls them."""

_ARENAS = 2
"""What threads take memory from; else each of them has its own, and keeps what is freed there."""
_KEPT_BYTES = 128 << 20
"""Of each arena."""
_LARGEST_KEPT_BYTES = 32 << 20
"""Larger blocks are of the kernel, for each anew: glibc takes no more for a limit."""


def keep_freed_memory() -> None:
    """Let the process keep freed memory for work on one frame after another, at most 256 MiB.

    That is 128 MiB in each of two arenas, however many threads there are; to be called before any.
    Without it each frame of some MiB is given back to the kernel, and its pages are cleared and
    mapped again for the next one, which takes longer than RLE. Other C libraries than glibc stay as
    they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, _ARENAS)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)
