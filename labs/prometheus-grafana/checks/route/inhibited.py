#!/usr/bin/python3
# Judges: made-up alerts of two models arrive where their severity says, and a model whose server is down
# is not also told to be slow.
from labkit import http, phases
from labkit.verdict import evidence, passed

import serving

quiet = phases.phase("quiet")
down, slow = serving.drawn()["models"]


def alerts_of(sink: str) -> set:
    """(alertname, model) of what a sink was told to fire."""
    return {
        (one["labels"].get("alertname"), one["labels"].get("model"))
        for page in serving.told(sink, quiet.start_ms)
        for one in page["body"]["alerts"]
        if one["status"] == "firing"
    }


pages, tickets = alerts_of(serving.PAGER), alerts_of(serving.TICKETS)
answer = http.get(f"{serving.ALERTMANAGER}/api/v2/alerts").must("alertmanager").json()
states = {
    (one["labels"]["alertname"], one["labels"]["model"]): one["status"]["state"]
    for one in answer
    if one["labels"].get("model") in (down, slow)
}
evidence(
    pages=sorted(map(str, pages)),
    tickets=sorted(map(str, tickets)),
    states={"/".join(key): state for key, state in states.items()},
)
ours = {one for one in pages | tickets if one[1] in (down, slow)}
if ("PredictLatencyHigh", down) in ours:
    quiet.failed(
        "A model whose server was down was also told to be slow.",
        "inhibit_rules: while TargetDown fires, PredictLatencyHigh of the same model is held back.",
    )
if ("TargetDown", down) not in pages:
    quiet.failed(
        "An alert with severity=page did not reach http://pager:8800/page.",
        "Route by matchers on severity; `amtool config routes test` says who would get it.",
    )
for name, model in (("FeatureDrift", down), ("PredictLatencyHigh", slow)):
    if (name, model) not in tickets:
        quiet.failed(
            f"{name} with severity=ticket did not reach http://tickets:8800/page.",
            "Only the latency of the same model may be held back while its server is down.",
        )
if any(one in pages for one in ours if one[0] != "TargetDown") or ("TargetDown", down) in tickets:
    quiet.failed("An alert was told to the pager and as a ticket.")
if states.get(("PredictLatencyHigh", down)) != "suppressed":
    quiet.failed("The latency alert of a model whose server is down is not suppressed.")
passed()
