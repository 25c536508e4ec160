"""Calls that the compiled core takes part in, good and bad, made from the fuzzers' inputs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count, product
from types import FrameType
from typing import Any

import attrs

from fuzzing.odd import is_wire
from fuzzing.running import made
from fuzzing.targets import TARGETS, Input, kind_of
from fuzzing.verdicts import CODECS, FORMS
from sagellm_protocol import codecs, evolve, history
from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.model.annotations import read_type
from sagellm_protocol.model.compiled import plans_of, reader, writer
from sagellm_protocol.model.plans import Plans
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.model.teaching import UNTAUGHT

_TARGETS = ("construct", "decode", "decode-python")


@attrs.frozen
class Call:
    """Something to do with one input, as often as one likes."""

    target: str
    number: int
    name: str
    act: Callable[[], Any] = attrs.field(repr=False)
    about: Any = attrs.field(repr=False)
    """What it is given."""


def calls(seed: int, names: tuple[str, ...] = CODECS) -> Iterator[Call]:
    """Calls without end: building, reading and writing, by these codecs."""
    for number in count():
        for target in _TARGETS:
            given = made(TARGETS[target], seed, number)
            if given.get("revision", history.latest) == history.latest:
                for name, act in (_building if target == "construct" else _reading)(given, names):
                    yield Call(target, number, name, act, given["payload"])


def _building(given: Input, names: tuple[str, ...]) -> Iterator[tuple[str, Callable[[], Any]]]:
    cls = CATALOG.get(given["message"])
    fields = {field.name for field in spec_of(cls).fields}
    arguments = {name: value for name, value in given["payload"].items() if name in fields}
    yield "built", lambda: cls(**arguments)
    with suppress(Exception):  # what cannot be built was tried
        message = cls(**arguments)
        yield "changed", lambda: evolve(message, **arguments)
        for name in names:
            yield from _writing(name, message, {})


def _writing(name: str, message: Any, options: dict[str, Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    for form in ({}, {"omit_defaults": True}):
        codec = codecs.get(name, **form, **options)
        yield f"{name} encodes {' '.join(form)}", lambda: codec.encode(message)  # noqa: B023 - each has its own


def _reading(given: Input, names: tuple[str, ...]) -> Iterator[tuple[str, Callable[[], Any]]]:
    cls, options = kind_of(given), {"unknown": given["unknown"]}
    for name in names:
        if name != "dict" and not is_wire(given["payload"]):
            continue
        with suppress(Exception):  # what a format cannot say
            data = FORMS[name](given["payload"])
            if data is not None:
                decode = codecs.get(name, **options).decoder(cls)
                yield f"{name} decodes", partial(decode, data)


def core_calls(seed: int) -> Iterator[Call]:
    """Calls of the core alone: it gives what it is to give, or is in doubt, and no Python explains why."""
    plans = plans_of(UNTAUGHT)
    for number in count():
        for target in _TARGETS:
            given = made(TARGETS[target], seed, number)
            if target == "construct":
                found = _built_by_the_core(plans, given)
            elif given["revision"] == history.latest:
                found = _read_by_the_core(plans, given)
            else:
                continue
            for name, act in found:
                if sys.version_info < (3, 12) or not runs_python(act):
                    yield Call(target, number, name, act, given["payload"])


def runs_python(act: Callable[[], Any]) -> bool:
    """Whether any Python function is called meanwhile: a hook, a factory, or what decides in doubt."""
    called: list[FrameType] = []
    sys.setprofile(lambda frame, event, _: called.append(frame) if event == "call" else None)
    try:
        act()
    except Exception:  # doubt, and whatever odd values raise
        sys.setprofile(None)
    else:
        sys.setprofile(None)
    return bool(called)


def _built_by_the_core(plans: Plans, given: Input) -> Iterator[tuple[str, Callable[[], Any]]]:
    cls = CATALOG.get(given["message"])
    fields = {field.name for field in spec_of(cls).fields}
    arguments = {name: value for name, value in given["payload"].items() if name in fields}
    try:
        message = cls(**arguments)
    except Exception:  # whatever an odd value raises; the core leaves what is wrong to Python
        return
    yield "built", partial(cls, **arguments)
    for form, omitting in product(("orjson", "msgpack", "plain"), ("nothing", "defaults", "nulls")):
        write = writer(plans, read_type(cls), form, omitting, None)
        if write is not None:
            yield f"written for {form} without {omitting}", partial(write, message)


def _read_by_the_core(plans: Plans, given: Input) -> Iterator[tuple[str, Callable[[], Any]]]:
    for origin in ("python", "json", "msgpack", "dict"):
        read = reader(plans, read_type(kind_of(given)), origin, given["unknown"])
        if read is not None:
            yield f"read from {origin}", partial(read, given["payload"])
