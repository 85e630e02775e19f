"""A world's HTTP sides: the learner's, and what it shares with the grader's, which each lab has.

Everything of a world runs on one event loop.
"""

import argparse
import asyncio
import signal

from aiohttp import web

from .ledger import Ledger, now_ms
from .stage import Stage

CONTROL_PORT = 9900  # of the grader's side
FRESH_MS = 5000


def arguments() -> argparse.Namespace:
    """What a world is told by its command: `target` and `rehearse_port`."""
    parser = argparse.ArgumentParser(description="the customers of Kestrel")
    parser.add_argument("--target", required=True, help="URL of serve")
    parser.add_argument("--rehearse-port", type=int, required=True)
    return parser.parse_args()


def learners(help_text: str, kinds, stage: Stage, ledger: Ledger, rehearse) -> web.Application:
    """The learner's side: healthz, and the faults of a grade with other numbers.

    `await rehearse(kind)` plays one of the `kinds` and answers what the learner is told, or None
    when a grade has begun meanwhile.
    """

    async def help(_: web.Request) -> web.Response:
        return web.Response(text=help_text)

    async def healthz(_: web.Request) -> web.Response:
        newest = ledger.newest()
        fresh = newest is not None and now_ms() - newest.sent_ms < FRESH_MS
        return web.json_response({"sending": fresh}, status=200 if fresh else 503)

    async def post(request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        if kind not in kinds:
            return problem(404, f"there is no rehearsal '{kind}'; there are {', '.join(kinds)}")
        told = await rehearse(kind) if stage.secret() is None else None
        if told is None:
            return problem(409, "a grade is running; rehearse when it is over")
        return web.json_response(told)

    side = web.Application()
    side.router.add_get("/", help)
    side.router.add_get("/healthz", healthz)
    side.router.add_post("/rehearse/{kind}", post)
    return side


def problem(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


async def listen(app: web.Application, address: str, port: int) -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, address, port).start()


async def until_told(*work) -> None:
    """Does all this work at once until the container is stopped."""
    together = asyncio.gather(*work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, together.cancel)
    try:
        await together
    except asyncio.CancelledError:
        pass
