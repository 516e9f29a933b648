"""A web server on loopback: lists folders as pages of links, and knows ranges (RFC 9110 14)."""

from __future__ import annotations

import html
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote


class Handler(BaseHTTPRequestHandler):
    """Serves ``root``; without an ETag, as the simplest servers do, unless ``server.tags`` says otherwise."""

    protocol_version = "HTTP/1.1"

    def __init__(self, root: Path, *arguments: object) -> None:
        self.root = root
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        server = self.server
        assert isinstance(server, Server)
        path = self.root / unquote(self.path).strip("/")
        server.requests.append((self.command, self.path, self.headers.get("Range")))
        if server.closed or not path.exists() or "denied" in self.path:
            self._send(403 if "denied" in self.path else 503 if server.closed else 404, b"", {}, body=body)
        elif path.is_dir():
            links = "".join(f'<a href="{html.escape(quote(p.name))}{"/" * p.is_dir()}">_</a>' for p in path.iterdir())
            outside = '<a href="../">up</a><a href="http://other.invalid/x">x</a><a href="/x">x</a><a href="?C=N">s</a>'
            self._send(200, (links + outside).encode(), {"Content-Type": "text/html"}, body=body)
        else:
            self._file(path, server, body=body)

    def _file(self, path: Path, server: Server, *, body: bool) -> None:
        content, status = path.read_bytes(), path.stat()
        headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        headers |= {"ETag": f'"{status.st_mtime_ns}"'} if server.tags else {}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "") if server.ranges else None
        if wanted is None:
            self._send(200, content, headers, body=body)
            return
        start, end = int(wanted[1]), min(int(wanted[2]), len(content) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
        self._send(206, content[start : end + 1], headers, body=body)

    def _send(self, code: int, content: bytes, headers: dict[str, str], *, body: bool) -> None:
        self.send_response(code)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    """What it was asked, and how it behaves."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, root))  # type: ignore[arg-type]
        self.requests: list[tuple[str, str, str | None]] = []
        self.tags = self.ranges = True
        self.closed = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(root: Path) -> Iterator[Server]:
    """A server until the end of the block."""
    server = Server(root)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def touched(path: Path) -> None:
    """The same bytes, a newer file."""
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000))
