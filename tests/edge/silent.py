"""A helper that says it is ready, and nothing more: it stands for a process that hangs."""

from __future__ import annotations

import socket
import sys

from dimse_edge import control

if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        connection.send(control.READY)
        connection.recv(1)
