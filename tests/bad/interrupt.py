#!/usr/bin/env python3
"""Ctrl-C at every point of every verb, on a terminal.

usage: interrupt.py VERB... | --verbs | --talkers | --launch FILE. LABD_SOCKET is where labd listens; LAB_SOCKET, where `lab` looks, is
ours: what the two say to each other passes through here, and is held back at one point. There `lab` gets SIGINT. A verb is
run again and again, with the next piece held back, until it ends by itself. Each time: it ends at once with 130, leaves the
terminal as it was, and the daemon answers. --launch: while it waits for a daemon that it started, and that has made FILE.
"""
import fcntl
import http.client
import json
import os
import pty
import select
import signal
import socket
import sys
import termios
import threading
import time

REAL, OURS, LAB, FILES = (os.environ[k] for k in ("LABD_SOCKET", "LAB_SOCKET", "LAB", "FILES"))
MOMENT = 4      # seconds in which an interrupted program has to be gone, on a busy machine under ASan
QUIET = 0.3     # without a word for so long: it waits for the user, or for what comes
POINTS = 40     # more pieces than any verb sends or gets

# verb -> (what the lab must be before, arguments, exit codes when nobody interrupts; None = it goes on until somebody does)
VERBS = {
    "catalog": [("any", ["catalog"], {0}), ("any", ["catalog", "--show", LAB], {0})],
    "start": [("none", ["start", LAB], {0}), ("stopped", ["start", LAB], {0}), ("ready", ["start", LAB, "--shell"], None)],
    "status": [("ready", ["status"], {0}), ("ready", ["status", "--watch"], None)],
    "shell": [("ready", ["shell"], None), ("ready", ["shell", "-c", "echo hi"], {0})],
    "exec": [("ready", ["exec", "--", "sleep", "60"], None), ("ready", ["exec", "-T", "-i", "--", "cat"], None),
             ("ready", ["exec", "--wrap", "--", "echo", "hi"], {0})],
    "check": [("ready", ["check"], {1}), ("ready", ["check", "--watch"], None)],
    "hint": [("ready", ["hint", "work", "--list"], {0}), ("ready", ["hint", "work"], None)],
    "grade": [("ready", ["grade", "--receipt", "receipt"], {0}), ("ready", ["grade", "--no-wait"], {0})],
    "port": [("ready", ["port"], {0}), ("ready", ["port", "0:80@box"], None)],
    "cp": [("ready", ["cp", "in", ":/srv/work"], {0}), ("ready", ["cp", ":/srv/work/in", "out"], {0})],
    "logs": [("ready", ["logs"], {0}), ("ready", ["logs", "-f"], None)],
    "pause": [("ready", ["pause"], {0})],
    "resume": [("paused", ["resume"], {0}), ("stopped", ["resume"], {0})],
    "extend": [("fresh", ["extend"], {0})],
    "reset": [("ready", ["reset", "--yes"], {0}), ("ready", ["reset"], None)],
    "stop": [("ready", ["stop"], {0}), ("ready", ["stop", "--discard", "--yes"], {0}), ("ready", ["stop", "--discard"], None),
             ("ready", ["stop", "--all", "--discard", "--yes"], {0})],
    "history": [("any", ["history"], {0})],
    "events": [("ready", ["events"], {0}), ("ready", ["events", "-f"], None)],
    "repo": [("any", ["repo", "list"], {0}), ("any", ["repo", "sync"], {0}), ("any", ["repo", "add", "in"], {3, 4})],
    "doctor": [("any", ["doctor"], {0, 1})],
    "gc": [("any", ["gc"], {0}), ("any", ["gc", "--apply", "--yes"], {0})],
}
# These talk to a daemon of their own: tests/integration/prove.sh and preview.sh.
OWN = {"test", "box", "preview"}
OFFLINE = {"verify", "new", "lint", "pack", "completion", "complete", "manual", "help"}  # these talk to no daemon


class Wire:
    """What `lab` and labd say to each other, piece by piece; piece number `hold` does not arrive."""

    def __init__(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(OURS)
        self.listener.listen(16)
        self.lock = threading.Lock()
        self.begin(None)
        threading.Thread(target=self.accept, daemon=True).start()

    def begin(self, hold):
        with self.lock:
            self.hold, self.seen, self.held, self.last = hold, 0, threading.Event(), time.monotonic()
            self.run = object()  # pieces of an earlier run do not count

    def accept(self):
        while True:
            near = self.listener.accept()[0]
            far = socket.socket(socket.AF_UNIX)
            far.connect(REAL)
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(a, b, self.run), daemon=True).start()

    def carry(self, a, b, run):
        try:
            while piece := a.recv(1 << 20):
                with self.lock:
                    if run is not self.run:
                        break
                    self.last = time.monotonic()
                    if self.hold is not None and self.seen >= self.hold:
                        self.held.set()
                        continue
                    self.seen += 1
                b.sendall(piece)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def call(method, path, body=None):
    c = http.client.HTTPConnection("localhost", timeout=20)
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.settimeout(20)
    c.sock.connect(REAL)
    c.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
    r = c.getresponse()
    text = r.read()
    c.close()
    assert r.status < 500, (method, path, r.status, text)
    return json.loads(text) if text.startswith(b"{") else text


def sessions():
    return call("GET", "/v1/sessions")["sessions"]


def until(holds, what, limit=30):
    end = time.monotonic() + limit
    while not (value := holds()):
        assert time.monotonic() < end, f"{what} did not come; sessions: {sessions()}"
        time.sleep(0.01)
    return value


def settled():
    now = sessions()
    passing = ("queued", "starting", "grading", "resetting", "ending")
    return None if any(s["state"] in passing or s["run"] for s in now) else [now]


def bring(wanted):
    """The lab as a verb needs it, from whatever an interrupted one has left."""
    now = until(settled, "a state that stays")[0]
    assert len(now) <= 1, now
    state = now[0]["state"] if now else "none"
    assert state in ("none", "ready", "paused", "stopped"), now
    if wanted == "any" or state == wanted:
        return
    if wanted in ("none", "fresh") and now:
        call("POST", f"/v1/sessions/{now[0]['name']}/stop", {"discard": True})
        until(lambda: not sessions(), "the end of the session")
        now, state = [], "none"
    if wanted == "none":
        return
    if state != "ready":
        name = call("POST", "/v1/sessions", {"lab": LAB})["name"]
        until(lambda: sessions()[0]["state"] == "ready", "ready")
    else:
        name = now[0]["name"]
    if wanted in ("paused", "stopped"):
        call("POST", f"/v1/sessions/{name}/{'pause' if wanted == 'paused' else 'stop'}", {})
        until(lambda: sessions()[0]["state"] == wanted and settled(), wanted)


class Program:
    """`lab` on a terminal of its own."""

    def __init__(self, argv):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.out, self.status = b"", None
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.master)
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(self.slave, fd)
            os.chdir(FILES)
            os.execvp("lab", ["lab", *argv])

    def look(self, seconds):
        """True when it has ended; what it writes is taken from it meanwhile."""
        if select.select([self.master], [], [], seconds)[0]:
            self.out += os.read(self.master, 65536)
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        return self.status is not None

    def interrupt(self):
        os.kill(self.pid, signal.SIGINT)
        begin = time.monotonic()
        while not self.look(0.005):
            if time.monotonic() - begin > MOMENT:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise AssertionError(f"it goes on after SIGINT; it wrote {self.out!r}")
        return time.monotonic() - begin

    def close(self):
        after, flags = termios.tcgetattr(self.slave), fcntl.fcntl(self.slave, fcntl.F_GETFL)
        os.close(self.slave)
        os.close(self.master)
        assert after == self.before, f"the terminal was left as {after}, not {self.before}"
        assert not flags & os.O_NONBLOCK, "the terminal was left non-blocking"


def point(wire, argv, codes, hold):
    """One run with piece number `hold` held back; False when it ended before that."""
    wire.begin(hold)
    p = Program(argv)
    quiet = False
    while not p.look(0.005) and not wire.held.is_set() and not quiet:
        quiet = codes is None and wire.seen > 0 and time.monotonic() - wire.last > QUIET
    if p.status is None:
        p.interrupt()
        # what is held back may be no more than a goodbye
        assert p.status == 130 or p.status in (codes or ()), f"exit code {p.status}, not 130; it wrote {p.out!r}"
    else:
        assert codes and p.status in codes, f"it ended with {p.status}; it wrote {p.out!r}"
    p.close()
    held = wire.held.is_set()
    wire.begin(None)
    assert call("GET", "/healthz") == b"ok\n"
    return held


def clean_files():
    """What was copied is there as a whole or not at all."""
    left = set(os.listdir(FILES)) - {"in", "out", "receipt"}
    assert not left, f"left in the folder: {left}"
    for name in ("out", "receipt"):
        path = os.path.join(FILES, name)
        if os.path.isdir(path):
            assert os.listdir(path) == ["file"], os.listdir(path)
            os.remove(os.path.join(path, "file"))
            os.rmdir(path)
        elif os.path.exists(path):
            json.load(open(path))
            os.remove(path)


def verb(wire, name):
    for before, argv, codes in VERBS[name]:
        for hold in range(POINTS):
            try:
                bring(before)
                more = point(wire, argv, codes, hold)
                clean_files()
            except AssertionError as e:
                raise SystemExit(f"lab {' '.join(argv)}, piece {hold} held back: {e}")
            if not more:
                break
        assert not more, f"{argv}: more than {POINTS} pieces"
        print(f"lab {' '.join(argv)}: {hold + 1} points", file=sys.stderr)
    bring("any")


def launch(file):
    p = Program(["status"])
    until(lambda: p.look(0.005) or os.path.exists(file), "the daemon")
    p.interrupt()
    assert p.status == 130, f"exit code {p.status}, not 130; it wrote {p.out!r}"
    p.close()


if sys.argv[1] == "--launch":
    launch(sys.argv[2])
elif sys.argv[1] == "--verbs":
    print("\n".join(sorted(set(VERBS) | OWN | OFFLINE)))
elif sys.argv[1] == "--talkers":
    print("\n".join(VERBS))
else:
    one = Wire()
    for word in sys.argv[1:]:
        verb(one, word)
