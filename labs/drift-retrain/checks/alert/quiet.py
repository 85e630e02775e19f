#!/usr/bin/python3
# Judges: no FeatureDrift alert was firing while nothing had changed.
from labkit import phases, prom
from labkit.verdict import evidence, passed

quiet = phases.phase("quiet")
fired = prom.series(
    'ALERTS{alertname="FeatureDrift",alertstate="firing"}', quiet.start_ms, quiet.end_ms
)
evidence(
    seconds=(quiet.end_ms - quiet.start_ms) / 1000,
    fired=[
        {"labels": labels, "after_s": (points[0][0] - quiet.start_ms) / 1000}
        for labels, points in fired
    ],
)
if fired:
    labels, points = fired[0]
    quiet.failed(
        f"FeatureDrift was firing for '{labels.get('feature', '?')}' in quiet traffic, "
        f"{(points[0][0] - quiet.start_ms) / 1000:.0f} s after it began.",
        "How often does your measure cross its line by chance? Look at it for some calm minutes.",
    )
passed()
