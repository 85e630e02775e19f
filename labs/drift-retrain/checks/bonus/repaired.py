#!/usr/bin/python3
# Judges: after a slow drift has come to its end, customers get answers that are about as good as
# those of a model that is made now.
import argparse

from labkit import phases
from labkit.verdict import evidence, passed

import eta

options = argparse.ArgumentParser()
options.add_argument("--vs-reference", type=float, required=True)
most = options.parse_args().vs_reference

RAMP_MS = 60_000
JUDGED = 300  # requests: about 15 s of answers
LEARNED = 800

ramp = phases.phase("ramp")
after = eta.answered(since=eta.turned_ms(ramp) + RAMP_MS)
learn, judge = after[:-JUDGED][-LEARNED:], after[-JUDGED:]
evidence(rows=len(after))
if len(learn) < LEARNED:
    ramp.failed(f"{len(after)} requests since the drift ended; {LEARNED + JUDGED} are judged.")
served, fresh = eta.served_rmse(judge), eta.fresh_rmse(learn, judge)
evidence(served_rmse=served, fresh_rmse=fresh, ratio=served / fresh)
if served > most * fresh:
    ramp.failed(
        f"The error is {served:.1f} minutes; a model that is made now reaches {fresh:.1f}, "
        f"and {most * fresh:.1f} is allowed.",
        "Watch the labelled errors too: input drift is blind once its reference has moved along.",
    )
passed()
