#!/opt/venv/bin/python
"""world: Kestrel's customers. They ask serve, count what they get, and report the true minutes.

    run.py --target http://serve:8080 --rehearse-port 8900

The parts: regime (what the city is like), customers (who asks), ledger (what they saw),
labels (the true minutes, into PostgreSQL), stage (who may change the regime), control and
rehearsal (the two HTTP sides). Everything runs on one event loop; only drawing a
drift is a process of its own, because it trains a model. README.md has the interfaces.
"""

import argparse
import asyncio
import os
import signal
from urllib.parse import urlsplit

from aiohttp import web

import control
import rehearsal
from addresses import private_address
from customers import Customers
from draws import Draws
from labels import Labels
from ledger import Ledger
from stage import Stage

CONTROL_PORT = 9900


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="the customers of Kestrel")
    parser.add_argument("--target", required=True, help="URL of serve")
    parser.add_argument("--rehearse-port", type=int, required=True)
    return parser.parse_args()


async def main() -> None:
    args = arguments()
    names = os.environ["FEATURE_NAMES"]
    ledger = Ledger(names)
    labels = Labels(os.environ["PG_URL"])
    customers = Customers(args.target, names, await labels.next_id(), ledger, labels)
    stage = Stage(float(os.environ["RATE"]), customers, os.environ["LAB_SECRETS"] + "/control")
    draws = Draws()

    await listen(rehearsal.app(stage, ledger, draws), "0.0.0.0", args.rehearse_port)
    address = os.environ.get("LAB_PRIVATE_ADDR") or private_address(urlsplit(args.target).hostname)
    await listen(control.app(stage, ledger, customers), address, CONTROL_PORT)

    loop = asyncio.get_running_loop()
    work = asyncio.gather(customers.run(), labels.run(), stage.watch(), draws.keep_one_ready())
    loop.add_signal_handler(signal.SIGTERM, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        pass


async def listen(app: web.Application, address: str, port: int) -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, address, port).start()


if __name__ == "__main__":
    asyncio.run(main())
