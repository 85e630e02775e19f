#!/opt/venv/bin/python
"""world: Kestrel's customers. They ask serve, and count what they get.

    run.py --target http://serve:8080 --rehearse-port 8900

The parts: regime (what the city is like), customers (who asks), control and rehearsal (the two
HTTP sides); the ledger (what they saw) and the stage (who may change the regime) are labkit's.
"""

import asyncio
import os

from labkit import sides
from labkit.ledger import Ledger, now_ms
from labkit.stage import Stage

import control
import rehearsal
from customers import Customers
from regime import Regime


async def main() -> None:
    args = sides.arguments()
    ledger = Ledger()
    # From now_ms: ids are not used again by a world that was started anew.
    customers = Customers(args.target, os.environ["FEATURE_NAMES"], now_ms(), ledger)
    stage = Stage(customers, lambda: Regime("calm"))
    await sides.listen(rehearsal.app(stage, ledger), "0.0.0.0", args.rehearse_port)
    address = os.environ["LAB_PRIVATE_ADDR"]
    await sides.listen(control.app(stage, ledger), address, sides.CONTROL_PORT)
    await sides.until_told(customers.run(), stage.watch())


if __name__ == "__main__":
    asyncio.run(main())
