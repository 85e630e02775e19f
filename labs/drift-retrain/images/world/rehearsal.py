"""The learner's side: healthz, and the faults of a grade with other numbers, as often as wanted."""

import random

from aiohttp import web
from labkit import sides
from labkit.stage import Stage

from draws import Draws
from ledger import Ledger
from regime import Regime

RAMP_S = 60

HELP = """\
Rehearse what may happen to this city. Every rehearsal draws new numbers.

  curl -X POST world:8900/rehearse/drift     one feature moves and streets cost other times
  curl -X POST world:8900/rehearse/ramp      the same, growing over a minute
  curl -X POST world:8900/rehearse/metres    some distances arrive in metres
  curl -X POST world:8900/rehearse/garbage   a drift, and labels that got mixed up
  curl -X POST world:8900/rehearse/calm      ends a rehearsal
"""


async def _regime(kind: str, rate: float, draws: Draws) -> Regime:
    if kind == "drift":
        return Regime(kind, rate, drift=await draws.next())
    if kind == "ramp":
        return Regime(kind, rate, drift=await draws.next(), ramp_s=RAMP_S)
    if kind == "garbage":
        return Regime(kind, rate, drift=await draws.next(), shuffle_labels=True)
    if kind == "metres":
        return Regime(kind, rate, metres=round(random.uniform(0.3, 0.4), 3))
    return Regime(kind, rate)


KINDS = ("drift", "ramp", "metres", "garbage", "calm")


def app(stage: Stage, rate: float, ledger: Ledger, draws: Draws) -> web.Application:
    async def rehearse(kind: str) -> "dict | None":
        regime = await _regime(kind, rate, draws)
        if stage.secret() is not None:  # a grade may have begun while a drift was drawn
            return None
        return {"kind": kind, "from_ms": stage.play(regime, rehearsed=True)["from_ms"]}

    return sides.learners(HELP, KINDS, stage, ledger, rehearse)
