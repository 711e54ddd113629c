"""Peers that misbehave: each is one connection's worth of a server, on a free port."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydicom.uid import UID
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext

from dimse_edge.command import HAS_DATA_SET, Field, Tag, encode_command

_HEADER = struct.Struct(">BxL")
_TRICKLE_SECONDS = 0.05

Behaviour = Callable[[socket.socket, threading.Event], None]


@contextmanager
def peer(behaviour: Behaviour) -> Iterator[int]:
    """Serve every connection so, each by a thread; yield the port."""
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        threads: list[threading.Thread] = []

        def serve(connection: socket.socket) -> None:
            with connection:
                try:
                    behaviour(connection, is_over)
                except OSError:
                    return  # the client gave up, as it should

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                thread = threading.Thread(target=serve, args=(connection,))
                thread.start()
                threads.append(thread)

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield server.getsockname()[1]
        finally:
            is_over.set()
            server.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for thread in threads:
                thread.join()


def read_pdu(connection: socket.socket) -> tuple[int, bytes]:
    header = _exactly(connection, _HEADER.size)
    pdu_type, size = _HEADER.unpack(header)
    return pdu_type, header + _exactly(connection, size)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise ConnectionError
        data += chunk
    return data


def acceptance(request: bytes, result: int = 0) -> bytes:
    """Answer an A-ASSOCIATE-RQ: each context with this result, and its first syntax."""
    asked = A_ASSOCIATE_RQ()
    asked.decode(request)
    primitive = asked.to_primitive()
    answer = A_ASSOCIATE()
    answer.application_context_name = primitive.application_context_name
    answer.calling_ae_title = primitive.calling_ae_title
    answer.called_ae_title = primitive.called_ae_title
    answer.presentation_context_definition_results_list = [
        _answered(context, result) for context in primitive.presentation_context_definition_list
    ]
    answer.user_information = [primitive.user_information[0], primitive.user_information[1]]
    return A_ASSOCIATE_AC(answer).encode()


def _answered(asked: PresentationContext, result: int) -> PresentationContext:
    answer = PresentationContext()
    answer.context_id = asked.context_id
    answer.abstract_syntax = asked.abstract_syntax
    answer.transfer_syntax = [UID(asked.transfer_syntax[0])]
    answer.result = result
    return answer


def hangs(_connection: socket.socket, is_over: threading.Event) -> None:
    """Accept the connection, and no more."""
    is_over.wait()


def accepts_and_hangs(connection: socket.socket, is_over: threading.Event) -> None:
    connection.sendall(acceptance(read_pdu(connection)[1]))
    is_over.wait()


def closes(connection: socket.socket, _is_over: threading.Event) -> None:
    read_pdu(connection)


def aborts(connection: socket.socket, _is_over: threading.Event) -> None:
    read_pdu(connection)
    connection.sendall(b"\x07\0\0\0\0\x04\0\0\0\0")


def accepts_and_aborts(connection: socket.socket, _is_over: threading.Event) -> None:
    connection.sendall(acceptance(read_pdu(connection)[1]))
    read_pdu(connection)
    connection.sendall(b"\x07\0\0\0\0\x04\0\0\0\0")


def answers_garbage(connection: socket.socket, is_over: threading.Event) -> None:
    read_pdu(connection)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)
    is_over.wait()


def accepts_with_garbage(connection: socket.socket, is_over: threading.Event) -> None:
    read_pdu(connection)
    connection.sendall(b"\x02\0\0\0\0\x10" + b"\xff" * 16)
    is_over.wait()


def answers_in_two_contexts(connection: socket.socket, is_over: threading.Event) -> None:
    """Answer a C-STORE with a data set that comes in another context."""
    connection.sendall(acceptance(read_pdu(connection)[1]))
    read_pdu(connection)
    response = encode_command(
        {
            Tag.COMMAND_FIELD: Field.C_STORE | 0x8000,
            Tag.MESSAGE_ID_BEING_RESPONDED_TO: 1,
            Tag.COMMAND_DATA_SET_TYPE: HAS_DATA_SET,
            Tag.STATUS: 0,
        }
    )
    values = struct.pack(">LBB", len(response) + 2, 1, 3) + response
    values += struct.pack(">LBB", 6, 3, 2) + b"abcd"
    connection.sendall(_HEADER.pack(4, len(values)) + values)
    is_over.wait()


def answers(command: bytes, data_set: bytes = b"") -> Behaviour:
    """Answer the first request with these bytes, and close after whatever comes then."""

    def behave(connection: socket.socket, _is_over: threading.Event) -> None:
        connection.sendall(acceptance(read_pdu(connection)[1]))
        read_pdu(connection)
        values = struct.pack(">LBB", len(command) + 2, 1, 3) + command
        if data_set:
            values += struct.pack(">LBB", len(data_set) + 2, 1, 2) + data_set
        connection.sendall(_HEADER.pack(4, len(values)) + values)
        read_pdu(connection)

    return behave


def accepts_and_answers_garbage(connection: socket.socket, is_over: threading.Event) -> None:
    connection.sendall(acceptance(read_pdu(connection)[1]))
    read_pdu(connection)
    connection.sendall(b"\x04\0\0\0\0\x0a\0\0\0\x06\x01\x03garb")
    is_over.wait()


def announces_gigabytes(connection: socket.socket, is_over: threading.Event) -> None:
    connection.sendall(acceptance(read_pdu(connection)[1]))
    read_pdu(connection)
    connection.sendall(b"\x04\0\xff\xff\xff\xff")
    is_over.wait()


def refuses_contexts(connection: socket.socket, is_over: threading.Event) -> None:
    connection.sendall(acceptance(read_pdu(connection)[1], result=3))
    is_over.wait()


def rejecting(reason: int) -> Behaviour:
    """Reject associations for a reason of the service user. See PS3.8 9.3.4."""

    def reject(connection: socket.socket, _is_over: threading.Event) -> None:
        read_pdu(connection)
        connection.sendall(b"\x03\0\0\0\0\x04\0\x01\x01" + bytes((reason,)))

    return reject


rejects = rejecting(3)


def trickles(connection: socket.socket, is_over: threading.Event) -> None:
    """Send the acceptance byte by byte."""
    for byte in acceptance(read_pdu(connection)[1]):
        if is_over.wait(_TRICKLE_SECONDS):
            return
        connection.sendall(bytes((byte,)))


def reads_slowly(connection: socket.socket, is_over: threading.Event) -> None:
    """Accept, then take a byte now and then."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(acceptance(read_pdu(connection)[1]))
    while not is_over.wait(_TRICKLE_SECONDS):
        connection.recv(1)
