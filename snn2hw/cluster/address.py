"""The address of a scheduler: ``tcp://HOST:PORT``, and whether anybody answers there."""

import re
import socket

from sim.errors import InputError

__all__ = ["check_address", "require_listener"]

_ADDRESS = re.compile(r"(?:tcp|tls)://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
FIX = "write tcp://HOST:PORT, as `snn2hw cluster` and `dask scheduler` print it"
ANSWERS_S = 5.0


def check_address(address: str) -> tuple[str, int]:
    """Return host and port of an address, or refuse it.

    >>> check_address("tcp://127.0.0.1:8786")
    ('127.0.0.1', 8786)
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found[2]) < 1 << 16:
        raise InputError(f"--scheduler {address!r}: is no address", FIX)
    return found[1].strip("[]"), int(found[2])


def require_listener(address: str) -> None:
    """Refuse an address where nobody listens: Dask itself would try for long and say much."""
    host, port = check_address(address)
    try:
        socket.create_connection((host, port), ANSWERS_S).close()
    except OSError as error:
        what = f"--scheduler {address}: no scheduler answers there ({error.strerror or error})"
        raise InputError(what, "start one: snn2hw cluster, or dask scheduler") from None
