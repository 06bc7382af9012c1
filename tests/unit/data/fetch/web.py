"""A web server on this machine that does to a download what servers and cables do."""

from __future__ import annotations

import gzip
import io
import json
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

NOISE = np.random.default_rng(5).bytes(400_000)
"""Bytes that do not shrink, as films."""


@dataclass
class Resource:
    """What lies at an address, and what goes wrong on the way from there.

    ``statuses``, ``cuts``, ``deaf`` and ``pauses`` are used up, one for each request: a status in place of the file;
    the number of bytes after which the connection breaks; an event that is waited for before the answer, or half-way
    through it. ``shifts`` are added to the first byte that a partial answer says it holds. ``length`` is what is told
    of the body's length: -1 the truth, None nothing.
    """

    data: bytes = NOISE
    etag: str = '"one"'
    modified: str = ""
    ranges: bool = True
    if_range: bool = True
    length: int | None = -1
    headers: dict[str, str] = field(default_factory=dict)
    redirect: str = ""
    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    shifts: list[int] = field(default_factory=list)
    deaf: list[threading.Event] = field(default_factory=list)
    pauses: list[threading.Event] = field(default_factory=list)
    drip: int = 0


@dataclass
class Asked:
    """One request, and how many bytes of a body went out for it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    sent: int = 0

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Web:
    """``web[path] = Resource(...)`` puts a file on the server; ``web.asked`` tells what was asked for."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.asked: list[Asked] = []
        self._resources: dict[str, Resource] = {}

    def __setitem__(self, path: str, resource: Resource) -> None:
        self._resources[path] = resource

    def __getitem__(self, path: str) -> Resource:
        return self._resources[path]

    def get(self, path: str) -> Resource | None:
        return self._resources.get(path)


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = Asked(self.command, self.path, dict(self.headers), body)
        self.web.asked.append(asked)
        resource = self.web.get(self.path.partition("?")[0])
        if resource is not None and resource.deaf:
            resource.deaf.pop(0).wait(30)
        status = 404 if resource is None else resource.statuses.pop(0) if resource.statuses else 200
        if resource is None or status >= 400:
            self.send_error(status)
        elif resource.redirect:
            self.send_response(302)
            self.send_header("Location", resource.redirect)
            self.end_headers()
        else:
            self._send(resource, asked)

    do_POST = do_GET  # noqa: N815

    def _send(self, resource: Resource, asked: Asked) -> None:
        start = self._start(resource)
        if start > len(resource.data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(resource.data)}")
            self.end_headers()
            return
        body = resource.data[start:]
        self.send_response(206 if start else 200)
        if start:
            told = start + (resource.shifts.pop(0) if resource.shifts else 0)
            self.send_header("Content-Range", f"bytes {told}-{len(resource.data) - 1}/{len(resource.data)}")
        length = {None: "", -1: str(len(body))}.get(resource.length, str(resource.length))
        named = {"Content-Length": length, "ETag": resource.etag, "Last-Modified": resource.modified} | resource.headers
        for name, value in named.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self._pour(body, resource, asked)

    def _start(self, resource: Resource) -> int:
        """Range and If-Range as RFC 9110 has them, 13.1.5 and 14.2."""
        wanted = self.headers.get("Range")
        if not wanted or not resource.ranges:
            return 0
        condition = self.headers.get("If-Range")
        if resource.if_range and condition and condition not in (resource.etag, resource.modified):
            return 0
        return int(wanted.removeprefix("bytes=").removesuffix("-"))

    def _pour(self, body: bytes, resource: Resource, asked: Asked) -> None:
        stop = resource.cuts.pop(0) if resource.cuts else len(body)
        pause = resource.pauses.pop(0) if resource.pauses else None
        step = resource.drip or 20_000
        for start in range(0, min(stop, len(body)), step):
            block = body[start : min(start + step, stop)]
            try:
                self.wfile.write(block)
            except OSError:  # the other side is gone
                return
            asked.sent += len(block)
            if pause and asked.sent >= len(body) // 2:
                pause.wait(30)
                pause = None

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serve() -> Iterator[Web]:
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        handler.web = Web(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield handler.web
        finally:
            server.shutdown()
            thread.join()


def unheard() -> str:
    """An address on this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/a"


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file with these members, in order."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def tarred(*members: tuple[str | tarfile.TarInfo, bytes], gz: bool = True) -> bytes:
    """A tar file with these members, in order, in gzip unless told otherwise."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            if info.isreg():
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(file.getvalue()) if gz else file.getvalue()
