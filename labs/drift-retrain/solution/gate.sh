#!/bin/sh
# gate: a challenger has to be better than the champion, and good; then previous, then champion.
cat >/srv/trainer/pipeline/gate.py <<'EOF'
"""gate: decides whether a challenger may become champion, and makes it so."""

from dataclasses import dataclass

import mlflow
import mlflow.sklearn
import pandas

from pipeline.common import MODEL
from train import score

BETTER = 0.95  # of the champion's error
GOOD = 0.7  # R2: the plain mean has 0, and on shuffled labels nobody has more


@dataclass(frozen=True)
class Decision:
    passed: bool
    reason: str
    numbers: dict[str, float]  # what was compared; belongs into the tags of the version


def decide(challenger, champion, recent: pandas.DataFrame) -> Decision:
    """Compares two models on recent labelled rows that neither has learned from."""
    new, old = score(challenger, recent), score(champion, recent)
    numbers = {"rmse": new["rmse"], "r2": new["r2"], "champion_rmse": old["rmse"], "rows": len(recent)}
    if new["r2"] <= GOOD:
        return Decision(False, f"R2 {new['r2']:.2f} is not above {GOOD}", numbers)
    if new["rmse"] >= BETTER * old["rmse"]:
        return Decision(False, f"RMSE {new['rmse']:.2f} against {old['rmse']:.2f}", numbers)
    return Decision(True, f"RMSE {new['rmse']:.2f} against {old['rmse']:.2f}", numbers)


def judge(version: str, challenger, recent: pandas.DataFrame) -> str:
    """Marks the version with the decision and promotes it if it passed: promoted or rejected."""
    client = mlflow.MlflowClient()
    present = client.get_model_version_by_alias(MODEL, "champion").version
    champion = mlflow.sklearn.load_model(f"models:/{MODEL}/{present}")
    decision = decide(challenger, champion, recent)
    for name, value in decision.numbers.items():
        client.set_model_version_tag(MODEL, version, f"gate_{name}", f"{value:.4g}")
    client.set_model_version_tag(MODEL, version, "gate_reason", decision.reason)
    client.set_model_version_tag(MODEL, version, "gate", "passed" if decision.passed else "rejected")
    if not decision.passed:
        return "rejected"
    client.set_registered_model_alias(MODEL, "previous", present)
    client.set_registered_model_alias(MODEL, "champion", version)
    return "promoted"
EOF
[ -e /srv/trainer/service/hook/down ] || sv -w 20 restart hook
