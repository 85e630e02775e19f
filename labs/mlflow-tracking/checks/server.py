"""The learner's MLflow as its clients see it, and what PostgreSQL says about it.

The server is the learner's. What it does not answer, or answers wrongly, raises Refused; a check
program that does not catch it fails with its text. PostgreSQL is not the learner's: when that does
not answer, nobody can judge.
"""

import http.client
import json
import os
import sys
from urllib.parse import quote, urlencode

import psycopg2
from labkit import verdict

PORT = 5000
MAX_BYTES = 8 << 20
MAX_RUNS = 500  # of one experiment, newest first
PLACE = "mlflow-artifacts:/"  # where an artefact lies that goes through the server


class Refused(Exception):
    """What the learner's server or job did wrong, as a sentence for the learner."""


def call(method: str, path: str, body=None, host: str = "", timeout_s: float = 8) -> tuple:
    """One request: status and body; status 0 and why, when nothing answered. JSON unless bytes."""
    name = os.environ.get("LAB_TARGET_MLFLOW", "mlflow")
    headers = {"Host": host or f"mlflow:{PORT}", "Accept": "application/json"}
    if body is not None and not isinstance(body, bytes):
        headers["Content-Type"] = "application/json"
        body = json.dumps(body).encode()
    link = http.client.HTTPConnection(name, PORT, timeout=timeout_s)
    try:
        link.request(method, path, body, headers)
        answer = link.getresponse()
        return answer.status, answer.read(MAX_BYTES)
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error).encode()
    finally:
        link.close()


def api(what: str, body=None, method: str = "", **args) -> dict:
    """A call of MLflow's REST API that has to succeed."""
    path = f"/api/2.0/mlflow/{what}" + (f"?{urlencode(args)}" if args else "")
    return _good(what, *call(method or ("GET" if body is None else "POST"), path, body))


def maybe(what: str, **args) -> "dict | None":
    """The same for something that may not exist."""
    status, data = call("GET", f"/api/2.0/mlflow/{what}?{urlencode(args)}")
    return None if status == 404 else _good(what, status, data)


def experiments() -> list:
    return api("experiments/search", {"max_results": 1000}).get("experiments", [])


def experiment(name: str) -> "dict | None":
    found = maybe("experiments/get-by-name", experiment_name=name)
    return found and found["experiment"]


class Run:
    """A run as the server tells it; everything in it is what some client once said."""

    def __init__(self, one: dict):
        data, info = one.get("data", {}), one["info"]
        self.id, self.status = info["run_id"], info["status"]
        self.home = info.get("artifact_uri", "")
        self.tags = {tag["key"]: tag.get("value", "") for tag in data.get("tags", [])}
        self.params = {param["key"]: param.get("value", "") for param in data.get("params", [])}
        self.metrics = {each["key"]: float(each["value"]) for each in data.get("metrics", [])}
        inputs = one.get("inputs", {}).get("dataset_inputs", [])
        self.digests = {each["dataset"].get("digest", "") for each in inputs}
        outputs = one.get("outputs", {}).get("model_outputs", [])
        self.models = [each["model_id"] for each in outputs]

    @property
    def parent(self) -> str:
        return self.tags.get("mlflow.parentRunId", "")


def runs(*experiment_ids: str) -> list:
    body = {
        "experiment_ids": experiment_ids,
        "max_results": MAX_RUNS,
        "order_by": ["attributes.start_time DESC"],
    }
    return [Run(one) for one in api("runs/search", body).get("runs", [])]


def model_home(run: Run) -> str:
    """Where the model lies that a run logged last."""
    if not run.models:
        raise Refused(f"Run {run.id[:8]} has logged no model.")
    found = api("logged-models/" + quote(run.models[-1]))
    return found["model"]["info"]["artifact_uri"]


def get(home: str, path: str) -> bytes:
    """The content of an artefact, through the server."""
    status, data = call("GET", _address(home, path))
    if status != 200:
        raise Refused(f"The server does not hand out the artefact {path}: status {status}.")
    return data


def put(home: str, path: str, content: bytes) -> None:
    status, data = call("PUT", _address(home, path), content)
    if status != 200:
        raise Refused(f"The server does not take an artefact: status {status}, {_short(data)}")


def files(home: str, at_most: int) -> dict:
    """Everything below a place, path -> content; at most so many bytes."""
    answer, todo, room = {}, [""], at_most
    while todo:
        folder = todo.pop()
        below = _path(home) + (f"/{folder}" if folder else "")
        path = "/api/2.0/mlflow-artifacts/artifacts?" + urlencode({"path": below})
        for one in _good("artifacts", *call("GET", path)).get("files", []):
            # A name in the folder that was asked for: nothing that climbs out of it.
            last = os.path.basename(one["path"])
            if last in ("", ".", ".."):
                raise Refused(f"The server says that an artefact has the name {one['path']!r}.")
            name = f"{folder}/{last}".lstrip("/")
            if one.get("is_dir"):
                todo.append(name)
                continue
            answer[name] = get(home, name)
            room -= len(answer[name])
            if room < 0 or len(answer) + len(todo) > 100:
                raise Refused(f"The model at {home} is too large: at most {at_most >> 20} MiB.")
    return answer


def database() -> str:
    """The address of the database mlflow, as the role that owns it and no more.

    Whoever owns a table can make others run his code by reading it; the superuser would be worth that.
    """
    return os.environ["PG_URL"]


def rows(statement: str, *values) -> list:
    """What PostgreSQL itself says."""
    with psycopg2.connect(database(), connect_timeout=5) as link:
        with link.cursor() as cursor:
            cursor.execute("SET statement_timeout = '8s'")
            try:
                cursor.execute(statement, values)
            except psycopg2.errors.UndefinedTable as error:
                raise Refused("MLflow's tables are not in the database mlflow.") from error
            return cursor.fetchall()


def _address(home: str, path: str) -> str:
    return f"/api/2.0/mlflow-artifacts/artifacts/{quote(_path(home))}/{quote(path)}"


def _path(home: str) -> str:
    if not home.startswith(PLACE):
        raise Refused(f"Artefacts go to {home}, a path of whoever asks; they should go to {PLACE}...")
    return home.removeprefix(PLACE).strip("/")


def _good(what: str, status: int, data: bytes) -> dict:
    if status == 0:
        raise Refused(f"Nothing answers at mlflow:{PORT}: {_short(data)}")
    if status != 200:
        raise Refused(f"mlflow:{PORT} answers {what} with {status}: {_short(data)}")
    try:
        answer = json.loads(data)
    except ValueError as error:
        raise Refused(f"mlflow:{PORT} answers {what} with something that is not JSON.") from error
    if not isinstance(answer, dict):
        raise Refused(f"mlflow:{PORT} answers {what} in a form that MLflow does not have.")
    return answer


def _short(data: bytes) -> str:
    return data[:160].decode("utf-8", "replace")


def _uncaught(kind, value, trace, before=sys.excepthook) -> None:
    if isinstance(value, Refused):
        verdict.failed(str(value))
    before(kind, value, trace)


sys.excepthook = _uncaught
