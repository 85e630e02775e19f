"""The learner's side: healthz, and the faults of a grade with other numbers, as often as wanted."""

import random

from aiohttp import web
from labkit import city, sides
from labkit.ledger import Ledger
from labkit.stage import Stage

from regime import Regime

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
    async def rehearse(kind: str) -> dict:
        stage.play(KINDS[kind](), rehearsed=kind != "calm")
        return {"rehearsing": kind}

    return sides.learners(HELP, KINDS, stage, ledger, rehearse)
