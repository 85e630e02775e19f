#!/usr/bin/python3
# Judges: 60 s after a drift, or when a new champion takes over if that is sooner, the feature that
# drifted has the largest PSI and is above 0.2, and the others are below 0.15; before the drift none
# was above 0.2. Rank and side of a line, never a value: any sane binning passes. The time is late
# enough for a measure against the window before to have forgotten the drift again.
from labkit import phases, prom
from labkit.verdict import evidence, passed

import eta

DRIFTED = 0.2  # an accepted drift has a PSI of 0.5 to 4; clean windows of 500 rows stay below 0.08
OTHERS = 0.15  # clean windows against a reference of only 700 rows stay below 0.105 (1500 windows)
HELD = "10s"  # two scrapes: a value that jumps about must not pass by luck
BEFORE = "30s"
AFTER_MS = 60_000
SCRAPE_MS = 5_000
SEEN_LATE_MS = 5_000  # the watch sees a new champion at most this late, and its reference counts then


def by_feature(expr, at_ms=None):
    return {one.labels.get("feature", "?"): one.value for one in prom.query(expr, at_ms)}


drift = phases.phase("drift")
shifted = drift["shifted"]
turned_ms = eta.turned_ms(drift)
changed = [at_ms for at_ms, version in eta.champions(drift) if version != drift["champion"]]
judged_ms = min([turned_ms + AFTER_MS, *(at_ms - SEEN_LATE_MS for at_ms in changed)])
low = by_feature(f"min_over_time(feature_psi[{HELD}])", judged_ms)
high = by_feature(f"max_over_time(feature_psi[{HELD}])", judged_ms)
before = by_feature(f"max_over_time(feature_psi[{BEFORE}])", drift.start_ms)
after_s = (judged_ms - turned_ms) / 1000
evidence(shifted=shifted, after_s=after_s, low=low, high=high, before=before)
if phases.now_ms() < judged_ms + SCRAPE_MS:
    drift.failed(f"It is judged {after_s:.0f} s after the drift; this is asked again then.")

if set(low) != set(eta.FEATURES) or set(before) != set(eta.FEATURES):
    drift.failed(
        f"feature_psi has {len(set(low) & set(eta.FEATURES))} of the five features during the drift "
        f"and had {len(set(before) & set(eta.FEATURES))} before it.",
        "A grade makes new containers first: the exporter must start again by itself.",
    )
loudest = max(before, key=before.get)
if before[loudest] > DRIFTED:
    drift.failed(
        f"Before anything drifted, feature_psi of '{loudest}' was {before[loudest]:.2f}.",
        "Compare the last 500 requests with the champion's own reference rows.",
    )
if low[shifted] <= DRIFTED:
    drift.failed(
        f"{after_s:.0f} s after '{shifted}' drifted its feature_psi was {low[shifted]:.2f}; "
        f"expected is more than {DRIFTED}.",
        "Compare the last 500 requests with the champion's own reference rows.",
    )
others = {name: value for name, value in high.items() if name != shifted}
loudest = max(others, key=others.get)
if others[loudest] >= OTHERS:
    drift.failed(
        f"Only '{shifted}' drifted, and feature_psi of '{loudest}' was {others[loudest]:.2f}; "
        f"expected is less than {OTHERS}.",
        "Take bin edges from quantiles of the reference, and compare each feature with itself.",
    )
passed()
