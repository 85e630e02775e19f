"""The grader's side. Every call but healthz needs the one-time secret of the running grade."""

import json

from aiohttp import web
from labkit import city

from customers import Customers
from draws import Draws
from ledger import Ledger, now_ms
from regime import Regime, parse_drift
from stage import Stage

MAX_LINES = 20_000
MAX_PROBES = 200


def app(stage: Stage, ledger: Ledger, draws: Draws, customers: Customers) -> web.Application:
    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"now_ms": now_ms(), "started_ms": ledger.started_ms})

    async def draw(request: web.Request) -> web.Response:
        body = await _object(request)
        token = body.get("token")
        if not isinstance(token, str) or not token:
            raise ValueError("'token' must be a text")
        return web.json_response(await draws.draw(token, parse_drift(body.get("after"))))

    async def get_regime(_: web.Request) -> web.Response:
        return web.json_response(stage.now())

    async def set_regime(request: web.Request) -> web.Response:
        return web.json_response(stage.play(Regime.parse(await _object(request), stage.rate)))

    async def probe(request: web.Request) -> web.Response:
        rows = _rows(await _object(request), ledger.names)
        return web.json_response({"answers": [_answer(e) for e in await customers.probe(rows)]})

    async def stats(request: web.Request) -> web.Response:
        return web.json_response(ledger.stats(_integer(request, "since", 0)))

    async def log(request: web.Request) -> web.Response:
        lines = [json.dumps(ledger.line(entry)) for entry in _chosen(request, ledger)]
        text = "".join(line + "\n" for line in lines)
        return web.Response(text=text, content_type="application/x-ndjson")

    side = web.Application(middlewares=[_guard(stage)])
    side.router.add_get("/healthz", healthz)
    side.router.add_post("/draw", draw)
    side.router.add_get("/regime", get_regime)
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
                return _problem(403, "no grade is running")
            kind, _, token = request.headers.get("Authorization", "").partition(" ")
            if kind != "Bearer" or not stage.admits(token):
                return _problem(401, "this needs the secret of the running grade")
        try:
            return await handler(request)
        except ValueError as error:
            return _problem(400, str(error))

    return guard


def _problem(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


async def _object(request: web.Request) -> dict:
    body = json.loads(await request.text())
    if not isinstance(body, dict):
        raise ValueError("the body must be an object")
    return body


def _integer(request: web.Request, name: str, default: int) -> int:
    try:
        return int(request.query.get(name, default))
    except ValueError:
        raise ValueError(f"'{name}' must be a whole number") from None


def _chosen(request: web.Request, ledger: Ledger) -> list:
    """The entries that the query of GET /log asks for."""
    first_id = _integer(request, "since_id", 0) + 1
    regime = request.query.get("regime")
    entries = [
        entry
        for entry in ledger.since(_integer(request, "since", 0))
        if entry.id >= first_id and regime in (None, entry.regime)
    ]
    last = min(_integer(request, "last", 0), MAX_LINES)
    if last > 0:
        return entries[-last:]
    return entries[: max(0, min(_integer(request, "limit", 1000), MAX_LINES))]


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
