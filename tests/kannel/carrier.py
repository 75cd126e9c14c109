"""A carrier's SMSC on this machine: what a bind, submits, receipts and texts need of SMPP 3.4."""

import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass

BIND, SUBMIT, DELIVER, ENQUIRE = 0x09, 0x04, 0x05, 0x15
ANSWER = 0x80000000
HEAD = struct.Struct("!IIII")
RECEIPT, UCS2 = 0x04, 0x08


@dataclass(frozen=True)
class Submitted:
    """One message as it lay on the wire; numbers with their type (1 international, 5 letters)."""

    name: str
    sender: tuple[int, str]
    to: tuple[int, str]
    wants_receipt: bool
    coding: int
    words: bytes


class Carrier:
    """Takes one bind and keeps what is submitted; tells receipts and texts when a test says so."""

    def __init__(self, port: int) -> None:
        self.taken: list[Submitted] = []
        self.binds: list[tuple[str, str]] = []
        self.told = 0
        self.line: socket.socket | None = None
        self.door = socket.create_server(("127.0.0.1", port))
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        try:
            self.line, _ = self.door.accept()
        except OSError:
            return  # closed before anybody came
        with self.line.makefile("rb") as stream:
            for command, number, body in _units(stream):
                if command == BIND:
                    name, rest = _string(body)
                    self.binds.append((name, _string(rest)[0]))
                    self._send(BIND | ANSWER, number, b"carrier\0")
                elif command == SUBMIT:
                    sms = _submitted(f"{number:08}", body)
                    self._send(SUBMIT | ANSWER, number, sms.name.encode() + b"\0")
                    self.taken.append(sms)
                elif command < ANSWER:
                    self._send(command | ANSWER, number, b"")

    def _send(self, command: int, number: int, body: bytes) -> None:
        assert self.line is not None
        self.line.sendall(HEAD.pack(HEAD.size + len(body), command, 0, number) + body)

    def tell_receipt(self, sms: Submitted, state: str, error: str) -> None:
        """What became of a message, in the form of the standard's appendix B."""
        when = "date:2611221000"
        words = (
            f"id:{sms.name} sub:001 dlvrd:001 submit {when} done {when} stat:{state} err:{error} "
            f"text:{sms.words[:20].decode('ascii', 'replace')}"
        )
        self._deliver(sms.to[1], sms.sender[1], RECEIPT, 0, words.encode())

    def tell_text(self, phone: str, to: str, text: str) -> None:
        """A text from a phone, in UCS-2."""
        self._deliver(phone, to, 0, UCS2, text.encode("utf-16-be"))

    def _deliver(self, sender: str, to: str, kind: int, coding: int, words: bytes) -> None:
        self.told += 1
        numbers = b"\0\1\1" + sender.encode() + b"\0\0\1" + to.encode() + b"\0"
        body = numbers + bytes([kind, 0, 0, 0, 0, 0, 0, coding, 0, len(words)]) + words
        self._send(DELIVER, self.told, body)

    def close(self) -> None:
        """Kannel has hung up before."""
        self.door.shutdown(socket.SHUT_RDWR)
        self.door.close()
        self.thread.join()
        if self.line is not None:
            self.line.close()


def _units(stream: object) -> Iterator[tuple[int, int, bytes]]:
    """Command, number and body of each unit, until the other side hangs up."""
    while len(head := stream.read(HEAD.size)) == HEAD.size:
        length, command, _, number = HEAD.unpack(head)
        yield command, number, stream.read(length - HEAD.size)


def _string(body: bytes) -> tuple[str, bytes]:
    words, _, rest = body.partition(b"\0")
    return words.decode(), rest


def _submitted(name: str, body: bytes) -> Submitted:
    _, body = _string(body)
    sender_kind, (sender, body) = body[0], _string(body[2:])
    to_kind, (to, body) = body[0], _string(body[2:])
    _, body = _string(body[3:])  # after class, protocol and priority: not before
    _, body = _string(body)  # not after
    wants, _, coding, _, length = body[:5]
    words = body[5 : 5 + length]
    return Submitted(name, (sender_kind, sender), (to_kind, to), bool(wants), coding, words)
