"""Somebody else's machines: the executor of a Dask cluster."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from concurrent.futures import Executor

from sagellm_protocol.model.exceptions import missing_extra


@contextlib.contextmanager
def dask(address: str) -> Iterator[Executor]:
    """The executor of a Dask cluster.

    Args:
        address: of its scheduler: ``tcp://scheduler:8786``.

    Raises:
        MissingExtraError: the extra ``dask`` is not installed.
        OSError: nobody answers there.
    """
    try:
        from distributed import Client
    except ImportError:
        raise missing_extra("dask") from None
    with Client(address) as client:  # type: ignore[no-untyped-call]
        yield client.get_executor(pure=False)


def is_killer(error: BaseException | None) -> bool:
    """Whether a cluster gave up on a task since the workers that were to do it died, one after the other."""
    # Who has not imported it has no cluster.
    distributed = sys.modules.get("distributed")
    return distributed is not None and isinstance(error, distributed.KilledWorker)
