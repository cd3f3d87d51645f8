"""Reading on other machines, through any engine that offers the interface of `concurrent.futures`.

Its workers must have this version of the tool, and must see the files under the same paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from celerylint import __version__
from celerylint.config import ConfigError

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

CHUNK = 200
"""Files that a worker takes at a time: enough that the way there and back does not count."""

_PATIENCE = 20
"""Seconds within which a cluster has to answer."""


def connect(address: str) -> Executor:
    """The engine at an address, such as `dask://HOST:PORT`.

    Raises:
        ConfigError: there is no such kind of engine, it is not installed, or nobody answers.
    """
    scheme, _, host = address.partition("://")
    if scheme != "dask" or not host:
        raise _refused(f"no such executor: {address} (dask://HOST:PORT is known)")
    try:
        from distributed import Client
    except ImportError:
        raise _refused('dask is not installed: pip install "celerylint[dask]"') from None
    try:
        client = Client(f"tcp://{host}", timeout=_PATIENCE, set_as_default=False)
        executor: Executor = client.get_executor(pure=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise _refused(f"{address} does not answer: {_first_line(error)}") from error
    return executor


def shares(executor: Executor, read: Callable[[Sequence[str]], bytes], paths: Sequence[str]) -> Iterator[bytes]:
    """Let workers read, from now on. Yields what they read of some paths each, until all are done.

    Raises:
        ConfigError: while it is iterated, if the workers cannot read.
    """
    chunks = [paths[n : n + CHUNK] for n in range(0, len(paths), CHUNK)]
    return _collected([executor.submit(_signed, read, chunk) for chunk in chunks])


def _collected(sent: Sequence[Future[tuple[str, bytes]]]) -> Iterator[bytes]:
    for future in sent:
        try:
            version, share = future.result()
        except Exception as error:  # whatever the engine and its machines may raise
            raise _refused(f"a worker cannot read: {type(error).__name__}: {_first_line(error)}") from error
        if version != __version__:
            raise _refused(f"a worker has celerylint {version}, and this is {__version__}: install the same on both")
        yield share


def _signed(read: Callable[[Sequence[str]], bytes], paths: Sequence[str]) -> tuple[str, bytes]:
    """On a worker: the version of the tool there, and what it read."""
    return __version__, read(paths)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0]


def _refused(message: str) -> ConfigError:
    return ConfigError(message, option="executor")
