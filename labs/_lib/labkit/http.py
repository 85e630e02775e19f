"""HTTP with deadlines and without surprises: no proxy, no redirect to elsewhere, bounded answers."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass

MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class Answer:
    """What a server said. `status` is 0 when it said nothing, and `text` then tells why."""

    status: int
    text: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self):
        return json.loads(self.text)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


def call(method: str, url: str, body=None, token: str = "", timeout_s: float = 5) -> Answer:
    """One request; `body` is sent as JSON, `token` as a bearer token. Raises nothing."""
    headers = {"Accept": "application/json"}
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    if token:
        headers["Authorization"] = "Bearer " + token
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with _opener.open(request, timeout=timeout_s) as answer:
            return Answer(answer.status, answer.read(MAX_BYTES).decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read(MAX_BYTES).decode("utf-8", "replace"))
    except (OSError, ValueError) as error:  # includes time-outs and refused connections
        return Answer(0, str(error))


def get(url: str, token: str = "", timeout_s: float = 5) -> Answer:
    return call("GET", url, None, token, timeout_s)


def post(url: str, body=None, token: str = "", timeout_s: float = 5) -> Answer:
    return call("POST", url, {} if body is None else body, token, timeout_s)
