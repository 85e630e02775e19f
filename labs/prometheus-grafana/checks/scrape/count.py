#!/usr/bin/python3
# Judges: predict_requests_total grew by as many requests as the customers had answers to, at a pace that
# serve never had before.
from labkit import phases
from labkit.verdict import evidence, passed

import serving

SCRAPES = 6  # in 40 s, one every 5 s at least

quiet = phases.phase("quiet")
grown = serving.Growth("predict_requests_total", serving.turned_ms(quiet), phases.now_ms())
true, seen = len(grown.answered()), grown.of()
evidence(scrapes=grown.scrapes, from_ms=grown.from_ms, until_ms=grown.until_ms, seen=seen, true=true)
if not grown.scrapes:
    quiet.failed(
        "Prometheus has no sample of predict_requests_total in 40 s of traffic.",
        "`curl -s serve:8080/metrics` shows what there is, 'lab check scrape' what is read.",
    )
if grown.scrapes < SCRAPES:
    quiet.failed(f"Prometheus looked only {grown.scrapes} times in 40 s.", "scrape_interval: 5s")
if not serving.near(seen, true):
    quiet.failed(
        f"predict_requests_total grew by {seen:.0f}, and customers had {true} answers in that time.",
        "Count where a request is answered, and nowhere else.",
    )
passed()
