"""Opens connections that never become a conversation, as fast as the other side takes them; see scripts/load-test.sh.

Usage: python3 -m experiments.flood host:port|sink connections at-once addresses
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import selectors
import socket
import ssl
import sys
import threading
import time
from dataclasses import dataclass

PATIENCE = 20.0  # seconds that a connection is kept, if the other side does not end it
BYTES = 512  # of garbage


def client_hello() -> bytes:
    """What a client of TLS 1.3 says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["hierarchical-trainer"])
    said = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), said, server_hostname="localhost").do_handshake()
    return said.read()


@dataclass
class Guest:
    """A connection."""

    socket: socket.socket
    words: bytes
    end: float


class Flood:
    """Connections of three kinds, in turn: nothing is said, garbage, half a ClientHello."""

    def __init__(self, target: tuple[str, int], connections: int, addresses: int):
        self.target, self.left, self.addresses = target, connections, addresses
        self.selector = selectors.DefaultSelector()
        self.guests: dict[int, Guest] = {}
        self.chance = random.Random(0)
        self.hello = client_hello()
        self.counts = {"connected": 0, "ended by the other side": 0, "kept": 0, "not taken": 0}

    def words(self) -> bytes:
        """What the next one says. Every second time garbage begins as TLS does."""
        kind = self.left % 3
        garbage = b"\x16" * (self.left % 2) + self.chance.randbytes(BYTES)
        return [b"", garbage, self.hello[: len(self.hello) // 2]][kind]

    def begin(self) -> None:
        """Opens one more."""
        guest = Guest(socket.socket(), self.words(), time.monotonic() + PATIENCE)
        guest.socket.setblocking(False)
        # All of 127.0.0.0/8 is this machine. The first address is that of an edge here.
        number = self.left % self.addresses
        guest.socket.bind((f"127.0.{number // 250}.{number % 250 + 1}", 0))
        self.left -= 1
        if guest.socket.connect_ex(self.target) not in (0, errno.EINPROGRESS):
            self.end(guest, "not taken")
            return
        self.guests[guest.socket.fileno()] = guest
        self.selector.register(guest.socket, selectors.EVENT_WRITE)

    def end(self, guest: Guest, how: str) -> None:
        self.counts[how] += 1
        if self.guests.pop(guest.socket.fileno(), None):
            self.selector.unregister(guest.socket)
        guest.socket.close()

    def go_on(self, guest: Guest, events: int) -> None:
        """Something happened to a connection."""
        try:
            if events & selectors.EVENT_WRITE:
                trouble = guest.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if trouble:
                    return self.end(guest, "not taken")
                self.counts["connected"] += 1
                self.selector.modify(guest.socket, selectors.EVENT_READ)
                if guest.words:
                    guest.socket.send(guest.words)
            elif not guest.socket.recv(1 << 16):
                self.end(guest, "ended by the other side")
        except OSError:
            self.end(guest, "ended by the other side")
        return None

    def run(self, at_once: int) -> None:
        """Until all have been there."""
        while self.left or self.guests:
            while self.left and len(self.guests) < at_once:
                self.begin()
            for key, events in self.selector.select(0.5):
                self.go_on(self.guests[key.fd], events)
            now = time.monotonic()
            for guest in [guest for guest in self.guests.values() if guest.end < now]:
                self.end(guest, "kept")


def sink() -> tuple[str, int]:
    """A port of this machine at which everybody is turned away."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)

    def accept() -> None:
        while True:
            listener.accept()[0].close()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()


def main(target: str, connections: int, at_once: int, addresses: int) -> None:
    """Floods, and prints what came of it."""
    host, _, port = target.rpartition(":")
    flood = Flood((host, int(port)) if host else sink(), connections, addresses)
    start = time.monotonic()
    flood.run(at_once)
    used = os.times()
    print(json.dumps(flood.counts | {"seconds": time.monotonic() - start, "cpu": used.user + used.system}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
