"""Random streams and parameters: whatever a lab draws comes from a secret and a list of names.

The same secret and names give the same stream, on every machine and in every
process. Two different lists of names give streams that know nothing of each other.
"""

import hashlib
import hmac
import os

import numpy


def param(name: str) -> str:
    """The value of the lab parameter `name`, as text."""
    return os.environ["LAB_PARAM_" + name.upper()]


def stream(secret: str, *names: object) -> numpy.random.Generator:
    """A random generator that depends on `secret` and `names` alone."""
    text = "\0".join(str(name) for name in names)
    key = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return numpy.random.Generator(numpy.random.PCG64(int.from_bytes(key, "big")))
