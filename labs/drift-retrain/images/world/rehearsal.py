"""The learner's side: healthz, and the faults of a grade with other numbers, as often as wanted."""

import random

from aiohttp import web

from draws import Draws
from ledger import Ledger, now_ms
from regime import Regime
from stage import Stage

FRESH_MS = 5000
RAMP_S = 60

HELP = """\
Rehearse what may happen to this city. Every rehearsal draws new numbers.

  curl -X POST world:8900/rehearse/drift     one feature moves and streets cost other times
  curl -X POST world:8900/rehearse/ramp      the same, growing over a minute
  curl -X POST world:8900/rehearse/metres    some distances arrive in metres
  curl -X POST world:8900/rehearse/garbage   a drift, and labels that got mixed up
  curl -X POST world:8900/rehearse/calm      ends a rehearsal
"""


async def _regime(kind: str, stage: Stage, draws: Draws) -> Regime:
    rate = stage.rate
    if kind == "drift":
        return Regime(kind, rate, drift=await draws.next())
    if kind == "ramp":
        return Regime(kind, rate, drift=await draws.next(), ramp_s=RAMP_S)
    if kind == "garbage":
        return Regime(kind, rate, drift=await draws.next(), shuffle_labels=True)
    if kind == "metres":
        return Regime(kind, rate, metres=round(random.uniform(0.3, 0.4), 3))
    return stage.calm()


KINDS = ("drift", "ramp", "metres", "garbage", "calm")


def app(stage: Stage, ledger: Ledger, draws: Draws) -> web.Application:
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
        regime = await _regime(kind, stage, draws)
        if stage.secret() is not None:  # it may have begun while a drift was drawn
            return _problem(409, "a grade is running; rehearse when it is over")
        return web.json_response({"kind": kind, "from_ms": stage.play(regime, rehearsed=True)["from_ms"]})

    side = web.Application()
    side.router.add_get("/", help)
    side.router.add_get("/healthz", healthz)
    side.router.add_post("/rehearse/{kind}", rehearse)
    return side


def _problem(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)
