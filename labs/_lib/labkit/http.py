"""HTTP with deadlines and without surprises: no proxy, no redirect to elsewhere, bounded answers."""

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass

MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class Answer:
    """What a server said. `status` is 0 when it said nothing, and `text` then tells why."""

    status: int
    data: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.text)

    def must(self, what: str) -> "Answer":
        """Itself, when it is good; raises OSError otherwise. For servers that nobody but us can break."""
        if not self.ok:
            raise OSError(f"{what}: status {self.status}: {self.text[:200]}")
        return self


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


def call(method: str, url: str, body=None, token: str = "", timeout_s: float = 5) -> Answer:
    """One request; `body` is sent as it is when it is bytes, else as JSON; `token` as a bearer token.

    Raises nothing.
    """
    headers = {"Accept": "application/json"}
    data = body
    if body is not None and not isinstance(body, bytes):
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    if token:
        headers["Authorization"] = "Bearer " + token
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        try:
            with _opener.open(request, timeout=timeout_s) as answer:
                return Answer(answer.status, answer.read(MAX_BYTES))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(MAX_BYTES))
    # Time-outs and refused connections are OSError; what is not HTTP at all is HTTPException.
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Answer(0, str(error).encode())


def get(url: str, token: str = "", timeout_s: float = 5) -> Answer:
    return call("GET", url, None, token, timeout_s)


def post(url: str, body=None, token: str = "", timeout_s: float = 5) -> Answer:
    return call("POST", url, {} if body is None else body, token, timeout_s)
