#!/usr/bin/env python3
"""What only shows on a terminal: shells, sizes, questions, and the terminal as it was afterwards.

usage: terminal.py TEST; the tests are the functions below. `lab` is on the PATH, hello-lab is started.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

LIMIT = 60


class Terminal:
    """A child on a terminal of its own, like a person's shell would start it."""

    def __init__(self, *argv, rows=31, cols=97):
        self.master, self.slave = pty.openpty()
        self.size(rows, cols)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.master)
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(self.slave, fd)
            os.execvp(argv[0], argv)

    def size(self, rows, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def line(self, text):
        """Type a line when the shell is ready for it."""
        self.expect(r"\$ ")
        self.type(text + "\n")

    def read(self, timeout):
        if not select.select([self.master], [], [], timeout)[0]:
            return False
        try:
            chunk = os.read(self.master, 65536)
        except OSError:
            return False
        self.seen += chunk
        return bool(chunk)

    def expect(self, pattern):
        """Read until the pattern comes; what stands before its end is used up."""
        deadline = time.time() + LIMIT
        while time.time() < deadline:
            m = re.search(pattern.encode(), self.seen)
            if m:
                self.seen = self.seen[m.end():]
                return m
            self.read(0.2)
        raise AssertionError(f"'{pattern}' did not come; seen:\n{self.seen.decode(errors='replace')}")

    def end(self):
        """Exit status as a shell tells it; the terminal must be as it was."""
        deadline = time.time() + LIMIT
        while time.time() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                after = termios.tcgetattr(self.slave)
                assert after == self.before, f"the terminal was left as {after}, not {self.before}"
                assert not fcntl.fcntl(self.slave, fcntl.F_GETFL) & os.O_NONBLOCK, "left non-blocking"
                while self.read(0):
                    pass
                return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
            self.read(0.1)
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError(f"it did not end; seen:\n{self.seen.decode(errors='replace')}")


def equal(got, want):
    assert got == want, f"expected {want!r}, got {got!r}"


def shell():
    t = Terminal("lab", "shell", "hello-lab")
    t.line("echo so-$((40 + 2)); tty; echo $TERM")
    t.expect(r"so-42\r")
    t.expect(r"/dev/pts/\d+")
    t.expect(re.escape(os.environ["TERM"]) + r"\r")
    # A size takes its way through daemon and engine.
    until = "until [ \"$(stty size)\" = '%d %d' ]; do sleep 0.1; done; echo si''zed"
    t.line(until % (31, 97))
    t.expect("sized")
    t.size(40, 120)
    os.kill(t.pid, signal.SIGWINCH)
    t.line(until % (40, 120))
    t.expect("sized")
    t.line("sh -c \"echo slee''ping; exec sleep 100\"")  # in the foreground before it says so
    t.expect("sleeping")
    t.type("\x03")  # Ctrl-C belongs to the other side
    t.line("exit 5")
    equal(t.end(), 5)


def leave():
    t = Terminal("lab", "shell", "hello-lab")
    t.expect(r"\$ ")
    t.type("~~x~.\x15")  # none of it leaves
    t.type("\r~.")
    equal(t.end(), 0)


def killed():
    for signo in (signal.SIGTERM, signal.SIGHUP):
        t = Terminal("lab", "shell", "hello-lab")
        t.expect(r"\$ ")
        os.kill(t.pid, signo)
        equal(t.end(), 128 + signo)


def command():
    t = Terminal("lab", "exec", "--", "sh", "-c", "test -t 0 && test -t 1 && exit 6")
    equal(t.end(), 6)
    t = Terminal("lab", "exec", "-T", "--", "sh", "-c", "test -t 0 || test -t 1 || exit 7")
    equal(t.end(), 7)
    t = Terminal("lab", "exec", "-T", "--", "sleep", "100")
    time.sleep(1)
    t.type("\x03")  # without a terminal there it ends us
    equal(t.end(), 130)


def questions():
    ask = ("lab", "stop", "--discard", "hello-lab")
    for answer, want in (("n\n", 2), ("\n", 2), ("\x04", 2), ("\x03", 130)):
        t = Terminal(*ask)
        t.expect(r"discard all work in 'hello-lab-\w+'\? \[y/N\] ")
        t.type(answer)
        equal(t.end(), want)
    t = Terminal("lab", "hint", "visits")
    equal(t.end(), 0)  # the first one costs nothing
    t = Terminal("lab", "hint", "visits")
    t.expect(r'visits: hint 2 of 2 "pointer" costs 4.00 points \(the task can then earn 36.00 of 40.00\). Buy\? \[y/N\] ')
    t.type("y\n")
    t.expect("Append one line per visit")
    equal(t.end(), 0)


def looks():
    t = Terminal("lab", "check", cols=60)
    t.expect(r"\x1b\[3\dm(PASS|FAIL|SKIP)\x1b\[0m|\x1b\[\d+mFAIL")
    t.expect(r"greet/answers\r\n  GET /greet/")  # what the table had to cut
    equal(t.end(), 1)
    os.environ["NO_COLOR"] = "1"
    t = Terminal("lab", "check")
    equal(t.end(), 1)
    assert b"\x1b[3" not in t.seen, "colours in spite of NO_COLOR"


if __name__ == "__main__":
    signal.alarm(280)
    os.environ["TERM"] = "xterm"
    globals()[sys.argv[1]]()
