#!/usr/bin/python3
# Judges: failures are counted as code="500", one by one, and answers under the version that gave them.
from labkit import phases
from labkit.verdict import evidence, passed

import serving

errors = phases.phase("errors")
grown = serving.Growth("predict_requests_total", serving.turned_ms(errors), phases.now_ms())
requests = grown.answered()
version = serving.drawn()["release"]
failures = sum(one["status"] == 500 for one in requests)
seen, all_seen = grown.of(code="500"), grown.of()
named = grown.of(model_version=version)
evidence(
    scrapes=grown.scrapes,
    true={"all": len(requests), "500": failures, "version": version},
    seen={"all": all_seen, "500": seen, "version": named},
)
if not serving.near(seen, failures):
    errors.failed(
        f"{failures} requests failed, and predict_requests_total{{code=\"500\"}} grew by {seen:.0f}.",
        "A request that fails leaves the handler on another way.",
    )
if not serving.near(named, len(requests)):
    errors.failed(
        f"Version {version} gave {len(requests)} answers; {named:.0f} are counted as its own.",
        "The version changes while serve runs: ask for it with each request.",
    )
passed()
