"""The verdict of a check program: exit status, header lines and evidence, in one place.

The contract: exit 0 = pass, 1 = fail, 2 = cannot judge; the first lines of
standard output are `FAIL: text` and `HINT: text`; one JSON object on
descriptor 3 says what was measured.

Python leaves with status 1 after an uncaught exception, and 1 means that the
learner's work is wrong. So importing this module turns every uncaught exception
into "cannot judge": a fixture that does not answer, or a mistake in the check
itself, never costs the learner anything.
"""

import json
import os
import sys
import traceback

EVIDENCE_FD = 3
EVIDENCE_MAX = 64 << 10  # bytes; more is not kept
LINE_MAX = 1000  # bytes of one header line

_evidence = {}


def evidence(**facts) -> None:
    """Adds facts to the evidence; a later fact of the same name wins."""
    _evidence.update(facts)


def passed() -> None:
    """Ends the program: pass."""
    _end(0)


def failed(text: str, hint: str = "") -> None:
    """Ends the program: fail. `text` says what was seen; `hint` (free for the learner) what to do."""
    _say("FAIL", text)
    if hint:
        _say("HINT", hint)
    _end(1)


def cannot_judge(text: str) -> None:
    """Ends the program: the environment or the check is broken, and nobody is blamed. `text` says why."""
    evidence(cannot_judge=text)
    _say("FAIL", text)
    _end(2)


def _say(head: str, text: str) -> None:
    # One line, and nothing that a terminal would obey: the text may quote a learner's label.
    text = "".join(one for one in " ".join(text.split()) if one.isprintable())
    print(f"{head}: {text}".encode()[:LINE_MAX].decode(errors="ignore"))


def _end(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    _write_evidence()
    # Not sys.exit(): neither an `except Exception` nor a thread that lingers may change the status.
    os._exit(status)


def _write_evidence() -> None:
    body = json.dumps(_evidence, default=str).encode()
    if len(body) > EVIDENCE_MAX:
        body = json.dumps({"too_large": len(body), "names": sorted(_evidence)}).encode()
    try:
        while body:
            body = body[os.write(EVIDENCE_FD, body) :]
    except OSError:
        pass  # run by hand, without a descriptor 3: the verdict stands without evidence


def _uncaught(kind, value, trace) -> None:
    traceback.print_exception(kind, value, trace)
    cannot_judge(f"{kind.__name__}: {value}")


sys.excepthook = _uncaught
