"""The learner's side: healthz, and the faults of a grade with other numbers, as often as wanted."""

import random

from aiohttp import web
from labkit import city

from ledger import Ledger, now_ms
from regime import Regime
from stage import Stage

FRESH_MS = 5000

HELP = """\
Rehearse what may happen to serve. Every rehearsal draws new numbers.

  curl -X POST world:8900/rehearse/slow      the feature store takes ten times as long
  curl -X POST world:8900/rehearse/errors    the feature store fails now and then
  curl -X POST world:8900/rehearse/drift     one feature moves
  curl -X POST world:8900/rehearse/calm      ends a rehearsal
"""

KINDS = {
    "slow": lambda: Regime("slow", delay_ms=random.uniform(350, 450)),
    "errors": lambda: Regime("errors", error_share=random.uniform(0.2, 0.4)),
    "drift": lambda: Regime(
        "drift", feature=random.choice(list(city.SHIFTS)), size=random.uniform(0.5, 0.8)
    ),
    "calm": lambda: Regime("calm"),
}


def app(stage: Stage, ledger: Ledger) -> web.Application:
    async def help(_: web.Request) -> web.Response:
        return web.Response(text=HELP)

    async def healthz(_: web.Request) -> web.Response:
        newest = ledger.newest()
        fresh = newest is not None and now_ms() - newest.sent_ms < FRESH_MS
        return web.json_response({"sending": fresh}, status=200 if fresh else 503)

    async def rehearse(request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        if kind not in KINDS:
            return _problem(404, f"there is no rehearsal '{kind}'; there are {', '.join(KINDS)}")
        if stage.secret() is not None:
            return _problem(409, "a grade is running; rehearse when it is over")
        stage.play(KINDS[kind](), rehearsed=kind != "calm")
        return web.json_response({"rehearsing": kind})

    side = web.Application()
    side.router.add_get("/", help)
    side.router.add_get("/healthz", healthz)
    side.router.add_post("/rehearse/{kind}", rehearse)
    return side


def _problem(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)
