#!/usr/bin/python3
# Judges: a question that was meant for another host is refused. Names that nobody could list before, to
# allow or to refuse them; one of them begins like the server's own. Runs in: grader.
import secrets

from labkit.verdict import evidence, failed, passed

import server

stranger = f"{secrets.token_hex(4)}.{secrets.token_hex(2)}"
for host in (stranger, "mlflow." + stranger, f"{stranger}:5000"):
    status, _ = server.call("POST", "/api/2.0/mlflow/experiments/search", {"max_results": 1}, host)
    evidence(**{host: status})
    if status != 403:
        failed(
            f"A question with 'Host: {host}' was answered with {status}; 403 is expected.",
            "List the names that the server has, and no other.",
        )
passed()
