#!/usr/bin/python3
# Judges: since the fence no customer saw an error or an answer slower than 2 s, in at least
# --min-requests requests. The world counts; serve is not asked.
import argparse

from labkit import phases, world
from labkit.verdict import cannot_judge, evidence, failed, passed

options = argparse.ArgumentParser()
# The shortest grade in which this is asked sends about 4900 requests (270 s at 18 a second).
options.add_argument("--min-requests", type=int, required=True)
least = options.parse_args().min_requests

LAG_MS = 500  # when the world's own clockwork was this late, a slow answer is nobody's fault
WRONG = {
    "status_5xx": "answers of 500 and above",
    "status_4xx": "answers of 400 to 499",
    "refused": "broken connections",
    "invalid": "answers without a prediction",
}
LATE = {
    "timeouts": "requests without an answer",
    "slow": "answers slower than 2 s",
}
BAD = WRONG | LATE

stats = world.stats(phases.fence_ms())
evidence(**{name: stats[name] for name in (*BAD, "sent", "ok", "p99_ms", "worst_ms", "lag_ms")})
if stats["started_ms"] > phases.fence_ms() or not stats["complete"]:
    cannot_judge("the world was started again during the grade")
if stats["sent"] < least:
    cannot_judge(f"the world sent {stats['sent']} requests; {least} are needed")
seen = ", ".join(f"{stats[name]} {text}" for name, text in BAD.items() if stats[name])
wrong = sum(stats[name] for name in WRONG)
load = max((one["load"] for one in phases.notes("load", phases.fence_ms())), default=0.0)
evidence(load=load, load_max=phases.load_max())
if seen and not wrong and (stats["lag_ms"] > LAG_MS or load > phases.load_max()):
    cannot_judge(f"the machine was overloaded (load {load:.1f}, lag {stats['lag_ms']} ms): {seen}")
if seen:
    failed(
        f"In {stats['sent']} requests customers saw {seen}.",
        "Load and try the new model beside the old one; then replace one reference.",
    )
passed()
