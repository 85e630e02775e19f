#!/usr/bin/python3
# Judges: five copies of one alert, delivered within a second, started one training, not several.
from labkit import phases
from labkit.verdict import cannot_judge, evidence, passed

import eta

MOST = 2  # one run for the alert, and a second one, later, if the first did not pass its gate

drift = phases.phase("drift")
eta.watched(drift)
copies = [one["status"] for one in drift.notes("copy")]
at_once = max((len(one["runs"]) for one in drift.notes("open_runs")), default=0)
runs = [one["id"] for one in eta.new_runs(drift)]
evidence(copies=copies, open_at_once=at_once, runs=len(runs))
if len(copies) < 5:
    cannot_judge(f"{len(copies)} of five copies were delivered")
if at_once > 1 or len(runs) > MOST:
    drift.failed(
        f"After five copies of one alert {len(runs)} runs were started, and {at_once} were open at "
        "the same time; expected is one.",
        "One worker under a lock; a message that comes while it works is answered, not obeyed.",
    )
passed()
