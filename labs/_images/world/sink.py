#!/usr/bin/python3
"""A pager that wakes nobody: it keeps the webhooks it gets and shows them to whoever asks.

POST /page          keeps the JSON body, with the time and the sender's address
GET  /pages?since=T what came after T (milliseconds), oldest first
GET  /healthz       200
"""

import argparse
import json
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from urllib.parse import parse_qs, urlsplit

MAX_BODY = 256 << 10
MAX_PAGES = 1000
MAX_KEPT = 8 << 20


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Book:
    """The newest pages, bounded in number and in bytes."""

    def __init__(self):
        self._started_ms = now_ms()
        self._pages = deque()
        self._kept = 0
        self._count = 0
        self._lock = Lock()

    def add(self, size: int, body, sender: str, agent: str) -> None:
        with self._lock:
            self._count += 1
            page = {"n": self._count, "at_ms": now_ms(), "from": sender, "agent": agent, "body": body}
            self._pages.append((size, page))
            self._kept += size
            while len(self._pages) > MAX_PAGES or self._kept > MAX_KEPT:
                self._kept -= self._pages.popleft()[0]

    def since(self, since_ms: int) -> dict:
        with self._lock:
            pages = [page for _, page in self._pages if page["at_ms"] > since_ms]
        return {"now_ms": now_ms(), "started_ms": self._started_ms, "pages": pages}


class Handler(BaseHTTPRequestHandler):
    book = Book()
    timeout = 10

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/healthz":
            return self.answer(200, {"ok": True})
        if url.path != "/pages":
            return self.answer(404, {"error": "there is only /pages and /healthz"})
        try:
            since = int(parse_qs(url.query).get("since", ["0"])[0])
        except ValueError:
            return self.answer(400, {"error": "'since' must be a time in milliseconds"})
        return self.answer(200, self.book.since(since))

    def do_POST(self):
        if urlsplit(self.path).path != "/page":
            return self.answer(404, {"error": "pages go to /page"})
        try:
            size = int(self.headers.get("Content-Length", ""))
        except ValueError:
            return self.answer(411, {"error": "a page needs a Content-Length"})
        if not 0 <= size <= MAX_BODY:
            return self.answer(413, {"error": f"a page has at most {MAX_BODY} bytes"})
        try:
            body = json.loads(self.rfile.read(size))
        except ValueError:
            return self.answer(400, {"error": "a page is JSON"})
        self.book.add(size, body, self.client_address[0], self.headers.get("User-Agent", "")[:200])
        return self.answer(200, {"ok": True})

    def answer(self, status: int, body: dict) -> None:
        data = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Says nothing: a healthy pager would fill the log with health checks."""


def main() -> None:
    parser = argparse.ArgumentParser(description="keeps webhooks")
    parser.add_argument("--port", type=int, required=True)
    ThreadingHTTPServer(("", parser.parse_args().port), Handler).serve_forever()


if __name__ == "__main__":
    main()
