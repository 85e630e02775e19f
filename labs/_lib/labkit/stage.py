"""Who may change the regime: a grade always, learners when there is none.

A grade is known by a file with its one-time secret. When the file goes, the grade is
over, and the city is calm again whatever the grade left behind.
"""

import asyncio
import hmac
import os

from .customers import Customers
from .ledger import now_ms

WATCH_S = 0.5


class Stage:
    def __init__(self, customers: Customers, calm):
        """`calm()` makes the regime of the city as it always was, with new deliveries."""
        self._calm = calm
        self._customers = customers
        self._secret_file = os.path.join(os.environ["LAB_SECRETS"], "control")
        self.play(calm())

    def play(self, regime, rehearsed: bool = False) -> dict:
        """Makes the city like this, at once."""
        self._rehearsed = rehearsed
        self._customers.follow(regime)
        return {"regime": regime.as_dict(), "from_ms": now_ms()}

    def secret(self) -> "bytes | None":
        """The secret of the running grade; None when there is no grade. Read anew each time."""
        try:
            with open(self._secret_file, "rb") as file:
                return file.read(4096).strip() or None
        except FileNotFoundError:
            return None

    def admits(self, token: str) -> bool:
        secret = self.secret()
        return secret is not None and hmac.compare_digest(secret, token.encode())

    async def watch(self) -> None:
        """Calms the city when a grade begins during a rehearsal, and when a grade ends."""
        graded = self.secret() is not None
        while True:
            await asyncio.sleep(WATCH_S)
            if graded != (self.secret() is not None):
                graded = not graded
                if self._rehearsed or not graded:
                    self.play(self._calm())
