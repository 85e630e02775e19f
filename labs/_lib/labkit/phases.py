"""The timeline of a grade: what phase programs and a watch noted, for the checks to ask.

One file of JSON lines, $LAB_SCRATCH/timeline.jsonl, which is only ever appended to: it has several
writers (phase programs, checks, a watch in the background), and a line is one write(2). Every line
has `at_ms`, the clock of the grading service; nothing that a learner's program says is in here.
"""

import json
import os
import statistics
import time

from . import verdict

# A machine with more runnable processes than twice its cores is no fair judge of time limits.
# The operator may state another limit, LAB_LOAD_MAX.
LOAD_PER_CORE = 2.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def fence_ms() -> int:
    """When the fence was taken: what is older counts for nothing."""
    return int(os.environ["LAB_FENCE_MS"])


def new() -> None:
    """Forgets the timeline of an earlier grade."""
    if os.path.exists(_path()):
        os.remove(_path())


def note(kind: str, **facts) -> None:
    """Appends one line."""
    line = json.dumps({"kind": kind, "at_ms": now_ms(), **facts}, separators=(",", ":")) + "\n"
    fd = os.open(_path(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(fd, line.encode())
    finally:
        os.close(fd)


def notes(kind: str, since_ms: int = 0, until_ms: "int | None" = None) -> list:
    """The lines of a kind, oldest first."""
    if not os.path.exists(_path()):
        return []
    with open(_path(), encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return [
        one
        for one in lines
        if one["kind"] == kind
        and one["at_ms"] >= since_ms
        and (until_ms is None or one["at_ms"] < until_ms)
    ]


def begin(phase_name: str, **facts) -> None:
    """Opens a phase, which ends the one before it."""
    note("phase", name=phase_name, facts=facts)


class Phase:
    """A stretch of the timeline: name, start_ms, end_ms (now, while it runs) and its facts."""

    def __init__(self, name: str, start_ms: int, end_ms: int, facts: dict):
        self.name, self.start_ms, self.end_ms, self.facts = name, start_ms, end_ms, facts

    def __getitem__(self, fact: str):
        return self.facts[fact]

    def notes(self, kind: str) -> list:
        """The lines of a kind that were written while the phase ran."""
        return notes(kind, self.start_ms, self.end_ms)

    def load(self) -> float:
        """The median load of the machine while the phase ran; a short peak does no harm."""
        seen = [one["load"] for one in self.notes("load")]
        return statistics.median(seen) if seen else os.getloadavg()[0]

    def failed(self, text: str, hint: str = "") -> None:
        """Ends the program: fail, unless the machine was too busy for anybody to be in time."""
        load, limit = self.load(), load_max()
        verdict.evidence(load=load, load_max=limit)
        if load > limit:
            verdict.cannot_judge(f"the machine was overloaded (load {load:.1f}, limit {limit:.1f}): {text}")
        verdict.failed(text, hint)


def phase(name: str) -> Phase:
    """The phase of that name; "cannot judge" when it never began."""
    begun = notes("phase")
    for place, one in enumerate(begun):
        if one["name"] == name:
            after = begun[place + 1]["at_ms"] if place + 1 < len(begun) else now_ms()
            return Phase(name, one["at_ms"], after, one["facts"])
    return verdict.cannot_judge(f"the phase '{name}' never began")


def load_max() -> float:
    return float(os.environ.get("LAB_LOAD_MAX") or LOAD_PER_CORE * (os.cpu_count() or 1))


def _path() -> str:
    return os.path.join(os.environ["LAB_SCRATCH"], "timeline.jsonl")
