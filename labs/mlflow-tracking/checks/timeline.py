"""What the phases of this grade saw and did; see phase.py."""

from labkit import phases
from server import Refused


def good(kind: str) -> dict:
    """The note of a phase; Refused when the learner's side did not do its part in it."""
    note = phases.notes(kind)[-1]
    if note.get("refused"):
        raise Refused(note["refused"])
    return note
