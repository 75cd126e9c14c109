"""A Twilio that answers every create after 50 ms, and tells when each came in and for which phone.

`python -m benchmarks.slow_provider PORT`: GET /calls gives instants and phones as JSON.
"""

import asyncio
import json
import sys
import time
from urllib.parse import parse_qs

ANSWER_SECONDS = 0.05
HEAD = "HTTP/1.1 {} OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
calls: list[tuple[float, str]] = []


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, kept open as long as the client likes."""
    while head := await _head(reader):
        method = head[0].partition(" ")[0]
        lengths = [line for line in head if line.lower().startswith("content-length:")]
        length = int(lengths[0].partition(":")[2]) if lengths else 0
        sent = await reader.readexactly(length)
        if method == "POST":
            calls.append((time.time(), parse_qs(sent.decode())["To"][0]))
            await asyncio.sleep(ANSWER_SECONDS)
            body, status = json.dumps({"sid": f"SM{len(calls):032}", "status": "queued"}), 201
        else:
            body, status = json.dumps(calls), 200
        writer.write((HEAD.format(status, len(body)) + body).encode())
        await writer.drain()
    writer.close()


async def _head(reader: asyncio.StreamReader) -> list[str]:
    """Request line and headers; empty at the end of the connection."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return []
    return raw.decode().split("\r\n")


async def main(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
