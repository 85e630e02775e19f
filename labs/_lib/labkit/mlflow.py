"""A small client of the session's MLflow: what checks ask, and what a promoter of models does.

Trust: `created_ms` of a version and the sets of ids come from the server. A run's
times, tags, data sets and artefacts are whatever the program that wrote them says.
"""

import os
from urllib.parse import urlencode

from . import http


def aliases(model: str) -> dict:
    """alias -> version of a registered model."""
    found = _get("registered-models/get", name=model)["registered_model"]
    return {one["alias"]: str(one["version"]) for one in found.get("aliases", [])}


def versions(model: str) -> list:
    """All versions of a model, oldest first: version, run_id, created_ms, tags."""
    found = _get("model-versions/search", filter=f"name='{model}'", max_results=1000)
    answer = [
        {
            "version": str(one["version"]),
            "run_id": one.get("run_id", ""),
            "created_ms": int(one["creation_timestamp"]),
            "tags": _pairs(one.get("tags", [])),
        }
        for one in found.get("model_versions", [])
    ]
    return sorted(answer, key=lambda one: int(one["version"]))


def run(run_id: str) -> dict:
    """A run: id, status, tags, data_sets (name -> digest)."""
    return _run(_get("runs/get", run_id=run_id)["run"])


def runs(experiment: str) -> list:
    """The newest 500 runs of an experiment, deleted ones too."""
    body = {
        "experiment_ids": [_experiment(experiment)],
        "run_view_type": "ALL",
        "max_results": 500,
        "order_by": ["attributes.start_time DESC"],
    }
    return [_run(one) for one in _post("runs/search", body).get("runs", [])]


def artefact(run_id: str, path: str) -> "bytes | None":
    """The content of a run's artefact, or None when there is none of that path."""
    answer = http.get(_address(_home(run_id), path), timeout_s=15)
    return None if answer.status == 404 else answer.must("mlflow").data


def start_run(experiment: str, name: str, tags: dict) -> str:
    """Starts a run and answers its id."""
    body = {
        "experiment_id": _experiment(experiment),
        "run_name": name,
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
    return _post("runs/create", body)["run"]["info"]["run_id"]


def put_artefact(run_id: str, path: str, content: bytes) -> None:
    http.call("PUT", _address(_home(run_id), path), content, timeout_s=15).must("mlflow")


def end_run(run_id: str) -> None:
    _post("runs/update", {"run_id": run_id, "status": "FINISHED"})


def register(model: str, run_id: str, path: str) -> str:
    """Registers the model that lies at a run's artefact path; answers the new version."""
    body = {"name": model, "source": f"{_home(run_id)}/{path}", "run_id": run_id}
    return str(_post("model-versions/create", body)["model_version"]["version"])


def set_alias(model: str, alias: str, version: str) -> None:
    _post("registered-models/alias", {"name": model, "alias": alias, "version": version})


def _run(one: dict) -> dict:
    inputs = one.get("inputs", {}).get("dataset_inputs", [])
    return {
        "id": one["info"]["run_id"],
        "status": one["info"]["status"],
        "tags": _pairs(one["data"].get("tags", [])),
        "data_sets": {entry["dataset"]["name"]: entry["dataset"]["digest"] for entry in inputs},
    }


def _pairs(entries: list) -> dict:
    return {entry["key"]: entry.get("value", "") for entry in entries}


def _experiment(name: str) -> str:
    return _get("experiments/get-by-name", experiment_name=name)["experiment"]["experiment_id"]


def _home(run_id: str) -> str:
    return _get("runs/get", run_id=run_id)["run"]["info"]["artifact_uri"]


def _base() -> str:
    return f"http://{os.environ.get('LAB_TARGET_MLFLOW', 'mlflow')}:5000/api/2.0"


def _address(home: str, path: str) -> str:
    """Where the server hands an artefact in and out; `home` is an address mlflow-artifacts:/..."""
    return f"{_base()}/mlflow-artifacts/artifacts/{home.split(':', 1)[1].lstrip('/')}/{path}"


def _get(call: str, **args) -> dict:
    return http.get(f"{_base()}/mlflow/{call}?{urlencode(args)}").must("mlflow").json()


def _post(call: str, body: dict) -> dict:
    return http.post(f"{_base()}/mlflow/{call}", body).must("mlflow").json()
