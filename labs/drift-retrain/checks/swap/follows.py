#!/usr/bin/python3
# Judges: customers were answered by the version that somebody promoted, within --within seconds.
# The world's log says so; serve's own word is not asked.
import argparse

from labkit import phases
from labkit.verdict import evidence, passed

import eta

options = argparse.ArgumentParser()
# A poll of at most 5 s and a load of some seconds; the limit is about twice that.
options.add_argument("--within", type=float, required=True)
within_s = options.parse_args().within

phase = phases.phase("badchampion")
answers = [
    one["answered_ms"]
    for one in eta.answered(since=phase["promoted_ms"])
    if one["version"] == phase["bad"]
]
after_s = (min(answers) - phase["promoted_ms"]) / 1000 if answers else None
evidence(promoted=phase["bad"], first_answer_after_s=after_s, answers=len(answers))
if after_s is None or after_s > within_s:
    phase.failed(
        f"Version {phase['bad']} became champion, and no customer was answered by it within "
        f"{within_s:.0f} s.",
        "Ask the registry for the alias every few seconds, load the version, then swap.",
    )
passed()
