"""Finds this container's address on the network that only hidden services join."""

import fcntl
import socket
import struct

SIOCGIFADDR = 0x8915


def private_address(public_peer: str) -> str:
    """The address that is not on the way to `public_peer`, a host that learners can reach.

    Where there is only one address (a pod has one), it is that one: there, a network
    policy closes the port. Raises RuntimeError when the choice is not clear.
    """
    public = _source_address(public_peer)
    others = [address for address in _addresses() if address != public]
    if len(others) > 1:
        raise RuntimeError(f"cannot tell which of {others} is the private address")
    return others[0] if others else public


def _source_address(peer: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((peer, 9))  # sends nothing
        return probe.getsockname()[0]


def _addresses() -> list:
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:  # an interface without an address
                continue
            address = socket.inet_ntoa(answer[20:24])
            if not address.startswith("127."):
                found.append(address)
    return found
