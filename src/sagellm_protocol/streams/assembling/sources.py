"""Streams read to their end, from whatever gives events one by one."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Protocol, TypeVar

from sagellm_protocol.model.paths import cut
from sagellm_protocol.streams.exceptions import BrokenOffError

E_contra = TypeVar("E_contra", contravariant=True)
A_co = TypeVar("A_co", covariant=True)
E = TypeVar("E")
A = TypeVar("A")


class Assembling(Protocol[E_contra, A_co]):
    """What puts a stream together."""

    def add(self, event: E_contra, /) -> object:
        """Take the next event."""

    def finish(self) -> A_co:
        """The whole answer, of a stream that has stopped. Raises BrokenOffError where it is not whole."""
        ...

    def broken_off(self, reason: str) -> BrokenOffError:
        """The error that says why nothing more comes, with what did."""
        ...


def gather(assembler: Assembling[E, A], events: Iterable[E]) -> A:
    """The answer of a stream, read to its last event."""
    source = iter(events)
    while True:
        try:
            event = next(source)
        except StopIteration:
            return assembler.finish()
        except Exception as error:
            raise assembler.broken_off(_said(error)) from error
        assembler.add(event)


async def gather_async(assembler: Assembling[E, A], events: AsyncIterable[E]) -> A:
    """The answer of a stream that is waited for, read to its last event."""
    source = aiter(events)
    while True:
        try:
            event = await anext(source)
        except StopAsyncIteration:
            return assembler.finish()
        except Exception as error:
            raise assembler.broken_off(_said(error)) from error
        assembler.add(event)


def _said(error: Exception) -> str:
    return f"its source failed with {cut(f'{type(error).__name__}: {error}', 300)}"
