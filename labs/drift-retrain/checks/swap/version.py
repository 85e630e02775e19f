#!/usr/bin/python3
# Judges: the version that serve names is the champion.
import time

from labkit import http, mlflow
from labkit.verdict import evidence, failed, passed

import eta

PATIENCE_S = 6  # serve may ask for the alias every 5 s

for left in range(PATIENCE_S, -1, -1):
    champion = mlflow.aliases(eta.MODEL).get("champion")
    answer = http.get(eta.SERVE + "/version", timeout_s=3)
    try:
        version = str(answer.json()["version"])
    except (KeyError, TypeError, ValueError):
        version = None
    evidence(champion=champion, status=answer.status, version=version)
    if version is not None and version == champion:
        passed()
    if left:
        time.sleep(1)
if version is None:
    failed(f"GET {eta.SERVE}/version answered {answer.status}, without a version.")
failed(f"The champion is version {champion}; serve answers with version {version}.")
