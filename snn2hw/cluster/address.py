"""The address of a scheduler: ``tcp://HOST:PORT``, and whether anybody answers there."""

import re
import socket

from sim.errors import InputError

__all__ = ["START", "check_address", "require_listener"]

_ADDRESS = re.compile(r"(?:tcp|tls)://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
FIX = "write tcp://HOST:PORT, as `snn2hw cluster` and `dask scheduler` print it"
START = "start one: snn2hw cluster, or dask scheduler"
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
        with socket.create_connection((host, port), ANSWERS_S) as probe:
            # a Dask server has the first word, except under TLS; the client of Dask waits for it without end
            speaks = address.startswith("tls://") or bool(probe.recv(1))
    except TimeoutError:
        speaks = False
    except OSError as error:
        what = f"--scheduler {address}: no scheduler answers there ({error.strerror or error})"
        raise InputError(what, START) from None
    if not speaks:
        raise InputError(f"--scheduler {address}: does not answer as a Dask scheduler", START)
