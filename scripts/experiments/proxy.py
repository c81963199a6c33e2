"""A way between two programs that can be made to fail."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

UP, DOWN = "up", "down"


class Proxy:
    """Forwards every connection to another port of this machine."""

    def __init__(self, target: int):
        self.target = target
        self.silent: frozenset[str] = frozenset()  # directions in which nothing arrives
        self.changed = threading.Condition()
        self.connections: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        """Forwards until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    near.close()
                    continue
                with self.changed:
                    self.connections += [near, far]
                for source, sink, direction in ((near, far, UP), (far, near, DOWN)):
                    threading.Thread(target=self.forward, args=(source, sink, direction), daemon=True).start()

    def forward(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        """Copies what one side sends until it ends."""
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                with self.changed:
                    self.changed.wait_for(lambda: direction not in self.silent)
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def silence(self, *directions: str) -> None:
        """Lets nothing arrive in these directions; what is sent waits."""
        with self.changed:
            self.silent = frozenset(directions)
            self.changed.notify_all()

    def reset(self) -> None:
        """Resets all connections."""
        with self.changed:
            connections, self.connections = self.connections, []
        for one in connections:
            with contextlib.suppress(OSError):
                # Closed without lingering, a connection is reset.
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # Or the thread that reads would keep it open.
                one.shutdown(socket.SHUT_RD)
            one.close()

    def close(self) -> None:
        """Ends it, with all connections."""
        self.silence()
        self.listener.close()
        self.reset()
