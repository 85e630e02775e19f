#!/usr/bin/python3
"""Runs a machine's jobs when somebody asks: POST /jobs/<name>.

    jobs.py --port 7070 [--drop FOLDER] NAME=PROGRAM...

The body may be JSON: {"args": ["--depth", "3"], "files": {"new.csv": "the text"}}. Files lie in
FOLDER while the job runs. The answer is JSON: exit, ms, and the last lines of what the program wrote. A
program is started in its own folder, one at a time; what runs too long is ended. An answer proves
nothing: whoever owns the machine owns this program, too.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

MAX_BODY = 4 << 20
TAIL = 4000  # bytes of output that are answered
LIMIT_S = 100


def run(program: str, args: list) -> dict:
    """Runs a job to its end, or to the end of its time, with everything that it started."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as out:
        try:
            # A session of its own: what is left of it can be ended together.
            child = subprocess.Popen(
                [program, *args],
                cwd=os.path.dirname(program),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return {"exit": 127, "ms": 0, "output": f"{program}: {error.strerror}"}
        try:
            status = child.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            status = 124
        out.seek(max(0, out.tell() - TAIL))
        text = out.read().decode("utf-8", "replace")
    if status < 0:
        status = 128 - status
    return {"exit": status, "ms": int((time.monotonic() - began) * 1000), "output": text}


class Handler(BaseHTTPRequestHandler):
    programs = {}
    drop = None
    busy = Lock()
    timeout = 10

    def do_GET(self):
        if self.path != "/jobs":
            return self.answer(404, {"error": "GET /jobs lists them, POST /jobs/<name> runs one"})
        return self.answer(200, {"jobs": sorted(self.programs)})

    def do_POST(self):
        name = self.path.removeprefix("/jobs/")
        if name not in self.programs:
            return self.answer(404, {"error": f"the jobs are {', '.join(sorted(self.programs))}"})
        try:
            size = int(self.headers.get("Content-Length") or 0)
            if not 0 <= size <= MAX_BODY:
                return self.answer(413, {"error": f"a body has at most {MAX_BODY} bytes"})
            body = json.loads(self.rfile.read(size) or b"{}")
            args = [str(one) for one in body.get("args", [])]
            files = {os.path.basename(key): str(body["files"][key]) for key in body.get("files", {})}
        except (ValueError, AttributeError, TypeError):
            return self.answer(400, {"error": 'the body is JSON: {"args": [...], "files": {...}}'})
        if files and not self.drop:
            return self.answer(400, {"error": "this machine takes no files"})
        if not self.busy.acquire(blocking=False):
            return self.answer(409, {"error": "a job is running"})
        paths = [os.path.join(self.drop, file) for file in files]
        try:
            for path, text in zip(paths, files.values()):
                with open(path, "x", encoding="utf-8") as to:
                    to.write(text)
            answer = run(self.programs[name], args)
            for path in paths:
                os.remove(path)
        except OSError as error:
            return self.answer(500, {"error": str(error)})
        finally:
            self.busy.release()
        return self.answer(200, answer)

    def answer(self, status: int, body: dict) -> None:
        data = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Says nothing: the answer says it."""


def main() -> None:
    parser = argparse.ArgumentParser(description="runs jobs when asked")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--drop", help="where files of a request go")
    parser.add_argument("job", nargs="+", help="name=/absolute/path/of/a/program")
    args = parser.parse_args()
    Handler.programs = dict(one.split("=", 1) for one in args.job)
    Handler.drop = args.drop
    # As process 1 it would not be ended by a signal that nobody asked for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer(("", args.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
