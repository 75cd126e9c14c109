"""Servers of tests on loopback, each in a thread of its own for as long as a block lasts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseServer

# A server that is told to end looks up so often: half a second, the default, is most of a test.
LOOK_SECONDS = 0.01


@contextmanager
def served(server: BaseServer) -> Iterator[None]:
    """It answers until the block ends; then its port is free again."""
    looks = {"poll_interval": LOOK_SECONDS}
    thread = threading.Thread(target=server.serve_forever, kwargs=looks)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
