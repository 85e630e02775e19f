#!/usr/bin/python3
# Judges: a client that calls the server by its name gets an answer. /health would prove nothing: it
# answers whatever the Host header says. It is asked before all others, so it is the one that puts back
# what a grade that was cut short has lost. Runs in: grader.
from labkit.verdict import evidence, failed, passed

import kept
import server

kept.rescue()
status, body = server.call("POST", "/api/2.0/mlflow/experiments/search", {"max_results": 1})
evidence(status=status, body=body[:200].decode("utf-8", "replace"))
if status == 0:
    failed("Nothing answers at mlflow:5000.", "Does it listen where others can reach it?")
if status != 200:
    failed(f"mlflow:5000 answered {status}: {body[:120].decode('utf-8', 'replace')}")
passed()
