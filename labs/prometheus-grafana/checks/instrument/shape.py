#!/usr/bin/python3
# Judges: the two metrics have the type, the labels and the buckets that the task asks for. Carries no
# points: whether they tell the truth is judged in a grade.
from labkit import prom
from labkit.verdict import evidence, failed, passed

LABELS = {"__name__", "code", "model_version", "instance", "job"}
EDGE_S = 0.5  # slow answers take 0.4 s

counted = prom.query("topk(5, predict_requests_total)")
edges = sorted(
    float(one.labels["le"])
    for one in prom.query("count by (le) (predict_latency_seconds_bucket)")
    if one.labels["le"] != "+Inf"
)
evidence(counters=[one.labels for one in counted], edges=edges)
if not counted:
    failed("Prometheus has no series predict_requests_total.")
for one in counted:
    if more := sorted(set(one.labels) - LABELS):
        failed(
            f"predict_requests_total has the label '{more[0]}'.",
            "Each value of a label is a series of its own, for ever.",
        )
    if less := sorted(LABELS - set(one.labels)):
        failed(f"predict_requests_total has no label '{less[0]}'.")
if not edges:
    failed("Prometheus has no predict_latency_seconds_bucket.", "A histogram has buckets; a gauge has none.")
if edges[-1] < EDGE_S:
    failed(f"The highest bucket ends at {edges[-1]:g} s; nothing above it can be told apart.")
passed()
