#!/usr/bin/python3
# Judges: for each intent, a query of a panel moves as the grader's own does, from quiet traffic to the end
# of the error burst.
import argparse
import statistics

from labkit import phases, prom
from labkit.verdict import evidence, failed, passed

import boards
import serving

LEAST = 0.8  # rank correlation
POINTS = 20
WINDOWS = ("10s", "20s", "30s", "1m", "2m")  # a panel may smooth as it likes

version, moved = serving.drawn()["release"], serving.NAMES[serving.drawn()["feature"]]
# More than one where the task leaves a choice: the median or the mean; how much a version answers, or
# that it does.
OWN = {
    "traffic": ["sum(rate(predict_requests_total[{w}]))"],
    "errors": ['sum(rate(predict_requests_total{{code="500"}}[{w}])) / sum(rate(predict_requests_total[{w}]))'],
    "latency": ["histogram_quantile(0.95, sum by (le) (rate(predict_latency_seconds_bucket[{w}])))"],
    "predictions": [
        "histogram_quantile(0.5, sum by (le) (rate(model_prediction_minutes_bucket[{w}])))",
        "sum(rate(model_prediction_minutes_sum[{w}])) / sum(rate(model_prediction_minutes_count[{w}]))",
    ],
    "drift": [f'model_feature_psi{{{{feature="{moved}"}}}}'],
    "version": [
        f'sum(rate(predict_requests_total{{{{model_version="{version}"}}}}[{{w}}]))',
        f'group(predict_requests_total{{{{model_version="{version}"}}}})',
    ],
}


def ranks(values: list) -> list:
    """Equal values share the mean of their places."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in order[start : end + 1]:
            found[place] = (start + end) / 2
        start = end + 1
    return found


def correlation(one: list, other: list) -> float:
    try:
        return statistics.correlation(ranks(one), ranks(other))
    except statistics.StatisticsError:  # one of them is constant
        return 0.0


def on_grid(points: list, grid: list) -> list:
    """The values at these times; where there is none, a series is not there, and counts as 0."""
    known = {round(at / 1000 / boards.STEP_S): value for at, value in points}
    values = [known.get(round(at / 1000 / boards.STEP_S), 0.0) for at in grid]
    return [0.0 if value != value else value for value in values]


def best(place, panels: list, intent: str, grid: list) -> float:
    start_ms, end_ms = grid[0], grid[-1]
    own = []
    for query in {one.format(w=window) for one in OWN[intent] for window in WINDOWS}:
        for _, points in prom.series(query, start_ms, end_ms, boards.STEP_S):
            own.append(on_grid(points, grid))
    found = 0.0
    for panel in panels:
        for expr in panel.exprs:
            for labels, points in place.ask(panel, expr, start_ms, end_ms):
                if intent == "version" and version not in labels.values():
                    continue
                shown = on_grid(points, grid)
                found = max([found] + [correlation(shown, one) for one in own])
    return found


options = argparse.ArgumentParser()
options.add_argument("--grafana", help="URL of a running Grafana; else the captured files are read")
quiet, errors, after = (phases.phase(name) for name in ("quiet", "errors", "after"))
try:
    place = boards.place(options.parse_args().grafana)
    every = boards.by_intent(place.boards(), place.sources)
except boards.Broken as broken:
    failed(str(broken))
for intent, panels in every.items():
    if not any(panel.exprs for panel in panels):
        failed(f"The panel '{boards.TITLES[intent]}' asks nothing.", "Words and pictures do not move.")
step_ms = boards.STEP_S * 1000
first_ms = -(-serving.turned_ms(quiet) // step_ms) * step_ms
grid = list(range(first_ms, min(errors.end_ms + 20_000, phases.now_ms()), step_ms))
moves = {intent: round(best(place, panels, intent, grid), 3) for intent, panels in every.items()}
evidence(points=len(grid), correlation=moves)
if len(grid) < POINTS:
    after.failed("There is too little to compare.")
for intent, value in moves.items():
    if value < LEAST:
        title = boards.TITLES[intent]
        about = {"drift": f" (of '{moved}')", "version": f" (a series labelled '{version}')"}.get(intent, "")
        after.failed(
            f"The panel '{title}' did not move as {title.lower()}{about} did: rank correlation {value:.2f}.",
            "Ask Prometheus for its query while you rehearse: which line should move, and does it?",
        )
passed()
