"""The grader's side. Every call needs the one-time secret of the running grade.

POST /regime   makes the city like this (see regime.py); answers from when
GET  /log      ?since=MS&limit=N: requests sent after that time, one JSON object a line, oldest first
"""

import json
from dataclasses import asdict

from aiohttp import web
from labkit.ledger import Ledger
from labkit.sides import problem
from labkit.stage import Stage

from regime import Regime

MAX_LINES = 20_000


def app(stage: Stage, ledger: Ledger) -> web.Application:
    async def set_regime(request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        if not isinstance(body, dict):
            raise ValueError("a regime is an object")
        return web.json_response(stage.play(Regime.parse(body)))

    async def log(request: web.Request) -> web.Response:
        since, limit = (int(request.query.get(name, "0")) for name in ("since", "limit"))
        entries = ledger.since(since)[: min(limit or MAX_LINES, MAX_LINES)]
        text = "".join(json.dumps(asdict(entry)) + "\n" for entry in entries)
        return web.Response(text=text, content_type="application/x-ndjson")

    side = web.Application(middlewares=[_guard(stage)])
    side.router.add_post("/regime", set_regime)
    side.router.add_get("/log", log)
    return side


def _guard(stage: Stage):
    @web.middleware
    async def guard(request: web.Request, handler):
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or not stage.admits(token):
            return problem(401, "this needs the secret of a grade")
        try:
            return await handler(request)
        except ValueError as error:
            return problem(400, str(error))

    return guard
