"""A client of labd for tests: HTTP, server-sent events and WebSockets over its unix socket.

Every answer is held to lib/api/openapi.yaml: its status and content type must be documented, and
JSON must be valid under the schema. `Contract.unused()` names the operations that nobody called.
"""
import base64
import http.client
import json
import os
import re
import socket
import struct
import time
import urllib.parse

import jsonschema
import yaml

SPEC = os.path.join(os.path.dirname(__file__), "../../lib/api/openapi.yaml")


class Contract:
    def __init__(self, path=SPEC):
        with open(path, encoding="utf-8") as f:
            self.doc = yaml.safe_load(f)
        self.used = set()
        self.operations = {}
        for template, item in self.doc["paths"].items():
            prefix = "" if "servers" in item else "/v1"
            for method in ("get", "post", "put", "delete"):
                if method in item:
                    self.operations[method.upper(), prefix + template] = item[method]

    def unused(self):
        return sorted(set(self.operations) - self.used)

    def find(self, method, path):
        path = path.split("?")[0]
        for (m, template), op in self.operations.items():
            if m == method and re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path):
                self.used.add((m, template))
                return op
        raise AssertionError(f"{method} {path} is not documented")

    def resolve(self, node):
        while "$ref" in node:
            at = self.doc
            for part in node["$ref"][2:].split("/"):
                at = at[part]
            node = at
        return node

    def schema(self, value, name):
        self.validate(value, {"$ref": f"#/components/schemas/{name}"})

    def validate(self, value, schema):
        whole = dict(schema, components=self.doc["components"])
        checker = jsonschema.Draft202012Validator(whole)
        for e in checker.iter_errors(value):
            raise AssertionError(f"{e.message}\nat {list(e.absolute_path)} of\n{json.dumps(value, indent=1)[:3000]}")

    def hold(self, method, path, status, content_type, body):
        op = self.find(method, path)
        responses = op["responses"]
        documented = responses.get(str(status), responses.get("default") if status >= 400 else None)
        assert documented, f"{method} {path}: status {status} is not documented: {body[:500]!r}"
        content = self.resolve(documented).get("content")
        if status == 101 or content is None:
            return
        content_type = (content_type or "").split(";")[0]
        assert content_type in content, f"{method} {path}: content type {content_type!r} is not documented"
        schema = content[content_type].get("schema")
        if schema and content_type.endswith("json") and "ndjson" not in content_type:
            self.validate(json.loads(body), schema)
        elif schema and "ndjson" in content_type:
            for line in body.splitlines():
                self.validate(json.loads(line), schema)


class UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    def __init__(self, path, timeout=30):
        self.path, self.timeout = path, timeout
        self.contract = Contract()

    def raw(self, method, path, body=None, headers=None):
        c = UnixHTTP(self.path, self.timeout)
        c.request(method, path, body, headers or {})
        r = c.getresponse()
        return c, r

    def request(self, method, path, body=None, headers=None, expect=None):
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        c, r = self.raw(method, path, body, headers)
        answer = Answer(r.status, r.headers, r.read())
        c.close()
        self.contract.hold(method, path, r.status, r.headers.get("Content-Type"), answer.body)
        if expect is not None:
            assert answer.status == expect, f"{method} {path}: {answer.status}, expected {expect}: {answer.body[:800]!r}"
        return answer

    def get(self, path, expect=200, **kw):
        return self.request("GET", path, expect=expect, **kw)

    def post(self, path, body=None, expect=200, **kw):
        return self.request("POST", path, body, expect=expect, **kw)

    def events(self, path, headers=None, seconds=120):
        """Server-sent events, held to the schema, as they come; ends with the stream."""
        c, r = self.raw("GET", path, headers=headers)
        assert r.status == 200, r.read()
        self.contract.hold("GET", path, 200, r.headers.get("Content-Type"), b"")
        return self.read_events(c, r, time.time() + seconds)

    def read_events(self, c, r, deadline):
        fields = {}
        while line := r.readline().decode():
            line = line.rstrip("\n")
            assert time.time() < deadline, "the event that is waited for does not come"
            if line.startswith(":"):
                continue
            if line:
                key, value = line.split(": ", 1)
                fields[key] = value
            elif fields:
                event = json.loads(fields["data"])
                self.contract.schema(event, "Event")
                assert int(fields["id"]) == event["id"] and fields["event"] == event["kind"]
                fields = {}
                yield event
        c.close()

    def until(self, session, states, seconds=120):
        """Wait until the session is in one of the states; by events, as clients do."""
        deadline = time.time() + seconds
        while True:
            s = self.get(f"/v1/sessions/{session}").json
            if s["state"] in states:
                return s
            for e in self.events(f"/v1/sessions/{session}/events?follow=true"):
                if e["kind"] == "state" and e["data"]["state"] in states:
                    break
                assert time.time() < deadline, f"{session} is {s['state']}"

    def until_done(self, run, seconds=120):
        deadline = time.time() + seconds
        while True:
            r = self.get(f"/v1/runs/{run}").json
            if r["state"] != "running":
                return r
            assert time.time() < deadline, r
            time.sleep(0.1)

    def websocket(self, path, protocol):
        return WebSocket(self, path, protocol)


class WebSocket:
    def __init__(self, client, path, protocol):
        self.key = base64.b64encode(os.urandom(16)).decode()
        self.c, r = client.raw("GET", path, headers={
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": self.key, "Sec-WebSocket-Protocol": protocol})
        self.status = r.status
        self.problem = None
        if r.status != 101:
            body = r.read()
            client.contract.hold("GET", path, r.status, r.headers.get("Content-Type"), body)
            self.problem = json.loads(body)
            return
        client.contract.hold("GET", path, 101, None, b"")
        assert r.headers["Sec-WebSocket-Protocol"] == protocol
        self.file = r.fp
        self.code = None

    def send(self, data):
        op = 1 if isinstance(data, str) else 2
        self.frame(op, data.encode() if op == 1 else data)

    def json(self, value):
        self.send(json.dumps(value))

    def frame(self, op, data):
        mask = os.urandom(4)
        n = len(data)
        head = bytes([0x80 | op]) + (bytes([0x80 | n]) if n < 126 else
                                     b"\xfe" + struct.pack(">H", n) if n < 65536 else b"\xff" + struct.pack(">Q", n))
        self.c.sock.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self):
        """The next message: str, bytes, or None when the peer has closed (self.code)."""
        whole, kind = b"", None
        while True:
            head = self.file.read(2)
            if len(head) < 2:
                return None
            n = head[1] & 0x7f
            if n > 125:
                n = struct.unpack(">H" if n == 126 else ">Q", self.file.read(2 if n == 126 else 8))[0]
            data = self.file.read(n)
            op = head[0] & 0x0f
            if op == 8:
                self.code = struct.unpack(">H", data[:2])[0] if data else 1005
                self.frame(8, data[:2])
                return None
            if op == 9:
                self.frame(10, data)
                continue
            kind = op or kind
            whole += data
            if head[0] & 0x80:
                return whole.decode() if kind == 1 else whole

    def close(self):
        self.c.close()


def execute(client, session, argv, stdin=None, **request):
    """Run a command; (exit code, stdout, stderr) or the problem as a dict."""
    ws = client.websocket(f"/v1/sessions/{session}/exec", "labyard.exec.v1")
    if ws.problem:
        return ws.problem
    request = dict(argv=argv, stdin=stdin is not None, **request)
    client.contract.schema(request, "ExecRequest")
    ws.json(request)
    if stdin is not None:
        ws.send(b"\0" + stdin)
        ws.json({"eof": True})
    out = {1: bytearray(), 2: bytearray()}
    while (m := ws.receive()) is not None:
        if isinstance(m, bytes):
            out[m[0]] += m[1:]
            continue
        m = json.loads(m)
        if "exit" in m:
            return m["exit"], bytes(out[1]), bytes(out[2])
        if "error" in m:
            client.contract.schema(m["error"], "Problem")
            return m["error"]
    raise AssertionError(f"the socket closed with {ws.code}")


def quote(s):
    return urllib.parse.quote(s, safe="")
