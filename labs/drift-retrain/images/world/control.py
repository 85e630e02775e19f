"""The grader's side. Every call but healthz needs the one-time secret of the running grade."""

import json

from aiohttp import web
from labkit import city
from labkit.ledger import now_ms
from labkit.sides import problem
from labkit.stage import Stage

from customers import Customers
from ledger import Ledger
from regime import Regime

MAX_LINES = 20_000
MAX_PROBES = 200


def app(stage: Stage, rate: float, ledger: Ledger, customers: Customers) -> web.Application:
    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"now_ms": now_ms(), "started_ms": ledger.started_ms})

    async def set_regime(request: web.Request) -> web.Response:
        played = stage.play(Regime.parse(await _object(request), rate))
        return web.json_response({**played, "from_id": customers.next_id})

    async def probe(request: web.Request) -> web.Response:
        rows = _rows(await _object(request), ledger.names)
        return web.json_response({"answers": [_answer(e) for e in await customers.probe(rows)]})

    async def stats(request: web.Request) -> web.Response:
        return web.json_response(ledger.stats(_integer(request, "since", 0)))

    async def log(request: web.Request) -> web.Response:
        limit = min(_integer(request, "limit", 1000), MAX_LINES)
        entries = ledger.since(_integer(request, "since", 0))[:limit]
        text = "".join(json.dumps(ledger.line(entry)) + "\n" for entry in entries)
        return web.Response(text=text, content_type="application/x-ndjson")

    side = web.Application(middlewares=[_guard(stage)])
    side.router.add_get("/healthz", healthz)
    side.router.add_post("/regime", set_regime)
    side.router.add_post("/probe", probe)
    side.router.add_get("/stats", stats)
    side.router.add_get("/log", log)
    return side


def _guard(stage: Stage):
    @web.middleware
    async def guard(request: web.Request, handler):
        if request.path != "/healthz":
            if stage.secret() is None:
                return problem(403, "no grade is running")
            kind, _, token = request.headers.get("Authorization", "").partition(" ")
            if kind != "Bearer" or not stage.admits(token):
                return problem(401, "this needs the secret of the running grade")
        try:
            return await handler(request)
        except ValueError as error:
            return problem(400, str(error))

    return guard


async def _object(request: web.Request) -> dict:
    body = json.loads(await request.text())
    if not isinstance(body, dict):
        raise ValueError("the body must be an object")
    return body


def _integer(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal():
        raise ValueError(f"'{name}' must be a whole number")
    return int(text)


def _rows(body: dict, names: tuple) -> list:
    """The rows of POST /probe, in the order of city.KEYS."""
    rows = body.get("rows")
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_PROBES:
        raise ValueError(f"'rows' must be a list of 1 to {MAX_PROBES} objects")
    weight = names[city.KEYS.index("weight")]
    for row in rows:
        if not isinstance(row, dict) or set(row) != set(names):
            raise ValueError(f"a row has exactly {', '.join(names)}")
        for name, value in row.items():
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number and not (value is None and name == weight):
                raise ValueError(f"'{name}' must be a number")
    return [[row[name] for name in names] for row in rows]


def _answer(entry) -> dict:
    return {
        "id": entry.id,
        "status": entry.status,
        "prediction": entry.prediction,
        "version": entry.version,
        "ms": None if entry.took_ms is None else round(entry.took_ms, 1),
    }
