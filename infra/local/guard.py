"""Start a program that dies with its parent: `guard.py PARENT_PID PROGRAM ARGUMENT…`.

The kernel sends SIGKILL when the parent's main thread ends, however it ends, so nothing of the
local stack outlives `nephele up`. Run as a plain script, without site packages, to start fast.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for the signal, then become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        sys.exit("guard: prctl failed")
    if os.getppid() == parent:  # otherwise it is gone already
        os.execv(program[0], program)  # noqa: S606  the program to guard


if __name__ == "__main__":
    main()
