"""Dashboards as Grafana reads them: provisioning files, dashboard JSON, and the queries of panels.

Not a program: it is imported from $LAB_CHECKS. Two places to read from, `Files` (what lies in the
captured repository) and `Grafana` (what its API shows); what a panel has to do is the same for both.
Nothing here is like Grafana's API: files are read, and Prometheus itself is asked.
"""

import json
import os
import re
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import yaml
from labkit import http, prom

REPOSITORY = "/srv/observe"
PROMETHEUS = ("prometheus", 9090)
MAX_FILE = 1 << 20
STEP_S = 5

# Titles of the six panels, by what they are about.
TITLES = {
    "traffic": "Traffic",
    "errors": "Errors",
    "latency": "Latency p95",
    "predictions": "Predictions",
    "drift": "Drift per feature",
    "version": "Model version",
}

VARIABLES = {"__rate_interval": "30s", "__interval": "5s", "__range": "5m"}


class Broken(Exception):
    """What is wrong with the learner's files: a sentence to show."""


@dataclass
class Panel:
    title: str
    source: dict  # of its first query: name, type, url
    exprs: list = field(default_factory=list)


def panels(board: dict, sources: list) -> list:
    """The panels of a dashboard, those of rows as well, with their queries ready to be asked."""
    values = _variables(board)
    found = []
    for one in _flat(board.get("panels")):
        targets = [t for t in one.get("targets") or [] if isinstance(t, dict) and not t.get("hide")]
        exprs = [_fill(t["expr"], values) for t in targets if isinstance(t.get("expr"), str)]
        wanted = next((t["datasource"] for t in targets if t.get("datasource")), one.get("datasource"))
        title = str(one.get("title", ""))
        found.append(Panel(title, _source(wanted, sources, values), [e for e in exprs if e.strip()]))
    return found


def _flat(listed) -> list:
    every = [one for one in listed or [] if isinstance(one, dict)]
    return every + [inner for one in every for inner in _flat(one.get("panels"))]


def _variables(board: dict) -> dict:
    """Name -> the value that is chosen when the dashboard is opened."""
    values = dict(VARIABLES)
    for one in (board.get("templating") or {}).get("list") or []:
        value = (one.get("current") or {}).get("value") or one.get("query") or ".*"
        if isinstance(value, list):
            value = "|".join(map(str, value))
        values[str(one.get("name"))] = ".*" if value in ("$__all", "All") else str(value)
    return values


def _fill(text: str, values: dict) -> str:
    def value(match) -> str:
        return values.get(match.group(1) or match.group(2) or match.group(3), match.group(0))

    return re.sub(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)\]\]", value, text)


def _source(wanted, sources: list, values: dict) -> "dict | None":
    """A panel names its data source by uid, by name, by a variable, or not at all."""
    name = wanted.get("uid") or wanted.get("name") if isinstance(wanted, dict) else wanted
    name = _fill(str(name or "default"), values)
    if name == "default":
        return next((one for one in sources if one.get("isDefault")), None)
    return next((one for one in sources if name in (one.get("uid"), one.get("name"))), None)


def by_intent(boards: list, sources: list) -> dict:
    """intent -> the panels of that title that can be asked. Raises Broken."""
    every = [panel for board in boards for panel in panels(board, sources)]
    found = {}
    for intent, title in TITLES.items():
        named = [one for one in every if one.title.strip().lower() == title.lower()]
        if not named:
            raise Broken(f"No panel has the title '{title}'.")
        found[intent] = named
        for panel in named:
            _check_source(panel)
    return found


def _check_source(panel: Panel) -> None:
    if not panel.source:
        raise Broken(f"The data source of the panel '{panel.title}' is not provisioned.")
    try:
        url = urlsplit(str(panel.source.get("url", "")))
        place = (url.hostname, url.port or 80)
    except ValueError:  # it is none
        place = None
    if panel.source.get("type") != "prometheus" or place != PROMETHEUS:
        raise Broken(
            f"The panel '{panel.title}' asks {panel.source.get('url')}; in Grafana's container that is "
            "not where Prometheus is."
        )


class Files:
    """The captured repository: what Grafana would find after a start with nothing of its own."""

    def __init__(self, root: str):
        self._root = root
        self.providers = self._entries("dashboards", "providers")
        self.sources = self._entries("datasources", "datasources")

    def boards(self) -> list:
        """The dashboards that the providers lead to. Raises Broken."""
        found = []
        for one in self.providers:
            path = str((one.get("options") or {}).get("path", ""))
            if one.get("type", "file") == "file" and self._in_repository(path):
                found += self._folder(path)
        if not found:
            paths = [str((one.get("options") or {}).get("path")) for one in self.providers]
            raise Broken(
                f"The provider reads {', '.join(paths) or 'nothing'}, and there is no dashboard in it."
            )
        return found

    def ask(self, _panel: Panel, expr: str, start_ms: int, end_ms: int) -> list:
        """Pairs of labels and [(at_ms, value), ...]; nothing for what Prometheus does not understand."""
        try:
            return prom.series(expr, start_ms, end_ms, STEP_S)
        except OSError:
            return []

    def _in_repository(self, path: str) -> bool:
        whole = os.path.normpath(path)
        return whole == REPOSITORY or whole.startswith(REPOSITORY + "/")

    def _entries(self, folder: str, key: str) -> list:
        where = f"{self._root}{REPOSITORY}/grafana/provisioning/{folder}"
        found = []
        for name in sorted(os.listdir(where)) if os.path.isdir(where) else []:
            if name.endswith((".yaml", ".yml")):
                text = self._read(f"{where}/{name}")
                try:
                    document = yaml.safe_load(text) or {}
                    found += [one for one in document.get(key) or [] if isinstance(one, dict)]
                except (yaml.YAMLError, AttributeError, TypeError):
                    shown = f"grafana/provisioning/{folder}/{name}"
                    raise Broken(f"{shown} is not YAML that lists {key}.") from None
        return found

    def _folder(self, path: str) -> list:
        found = []
        for folder, _, names in sorted(os.walk(self._root + os.path.normpath(path))):
            for name in sorted(names):
                if name.endswith(".json"):
                    try:
                        board = json.loads(self._read(f"{folder}/{name}"))
                    except ValueError:
                        raise Broken(f"{name} is not JSON.") from None
                    if isinstance(board, dict):
                        found.append(board)
        return found

    def _read(self, path: str) -> str:
        with open(path, "rb") as file:
            return file.read(MAX_FILE).decode("utf-8", "replace")


class Grafana:
    """A running Grafana. (Not exercised by the project's own tests: its image needs a registry.)"""

    def __init__(self, url: str):
        self._url = url
        self._get("/api/health")
        self.sources = self._get("/api/datasources")
        for one in self.sources:
            health = http.get(f"{url}/api/datasources/uid/{quote(one['uid'])}/health", timeout_s=10)
            if not health.ok:
                raise Broken(f"The data source '{one['name']}' ({one['url']}) does not answer Grafana.")

    def boards(self) -> list:
        found = self._get("/api/search?type=dash-db&limit=500")
        whole = [self._get(f"/api/dashboards/uid/{quote(one['uid'])}") for one in found]
        provisioned = [one["dashboard"] for one in whole if one["meta"].get("provisioned")]
        if not provisioned:
            raise Broken(f"Grafana has {len(found)} dashboards, and none of them comes from a file.")
        return provisioned

    def ask(self, panel: Panel, expr: str, start_ms: int, end_ms: int) -> list:
        query = {
            "refId": "A",
            "expr": expr,
            "range": True,
            "datasource": {"type": "prometheus", "uid": panel.source["uid"]},
            "intervalMs": STEP_S * 1000,
            "maxDataPoints": 1000,
        }
        body = {"queries": [query], "from": str(start_ms), "to": str(end_ms)}
        answer = http.post(f"{self._url}/api/ds/query", body, timeout_s=10)
        if not answer.ok:
            return []
        found = []
        for frame in answer.json()["results"].get("A", {}).get("frames", []):
            times = frame["data"]["values"][0] if frame["data"]["values"] else []
            for column, values in zip(frame["schema"]["fields"][1:], frame["data"]["values"][1:]):
                points = [(int(at), float(value)) for at, value in zip(times, values) if value is not None]
                found.append((column.get("labels") or {}, points))
        return found

    def _get(self, path: str):
        return http.get(self._url + path, timeout_s=10).must("grafana").json()


def place(url: "str | None"):
    """Where to read dashboards: a Grafana, or the captured files."""
    return Grafana(url) if url else Files(os.environ["LAB_ROOT"])
