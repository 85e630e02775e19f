#!/usr/bin/python3
# Judges: a real drift and a real error burst make their alerts fire, and in quiet traffic none did.
from labkit import phases, prom
from labkit.verdict import evidence, passed

import serving

quiet, trouble, errors = (phases.phase(name) for name in ("quiet", "trouble", "errors"))
names = "|".join(serving.ALERTS)
early = prom.series(
    f'ALERTS{{alertname=~"{names}",alertstate="firing"}}', serving.turned_ms(quiet), quiet.end_ms
)
moved = serving.NAMES[serving.drawn()["feature"]]
wanted = {
    "FeatureDrift": ({"model": "eta", "severity": "ticket", "feature": moved}, trouble),
    "PredictErrorBudgetBurn": ({"model": "eta", "severity": "page"}, errors),
}
seen = {
    name: prom.series(
        f'ALERTS{{alertname="{name}",alertstate="firing"}}', serving.turned_ms(phase), phases.now_ms()
    )
    for name, (_, phase) in wanted.items()
}
evidence(
    early=[labels for labels, _ in early],
    firing={
        name: [
            {"labels": labels, "after_s": (points[0][0] - serving.turned_ms(wanted[name][1])) / 1000}
            for labels, points in found
        ]
        for name, found in seen.items()
    },
)
if early:
    errors.failed(
        f"{early[0][0]['alertname']} was firing in quiet traffic.",
        "An alert that fires when nothing is wrong is switched off in a week.",
    )
for name, (labels, phase) in wanted.items():
    right = [
        found
        for found, _ in seen[name]
        if all(found.get(key) == value for key, value in labels.items())
    ]
    if not seen[name]:
        errors.failed(
            f"{name} has not fired, {(phases.now_ms() - serving.turned_ms(phase)) / 1000:.0f} s after "
            "what it is about began.",
            "`curl -s prometheus:9090/api/v1/rules | jq` shows its state. Is the file read?",
        )
    if not right:
        shown = {key: seen[name][0][0].get(key, "") for key in labels}
        errors.failed(f"{name} fired with the labels {shown}; expected were {labels}.")
passed()
