"""What this process answers to inputs, from one number on: ``python -m both_ways.answering SEED FIRST TARGET...``.

An answer is a text with a name: the value in full, or the class and words of the refusal.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any

import msgspec

from fuzzing.running import made, room
from fuzzing.targets import TARGETS, Input, kind_of, options_of
from fuzzing.verdicts import CODECS, FORMS
from payloads import exactly
from sagellm_protocol import codecs, history
from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.model import evolve, from_plain, native
from sagellm_protocol.model.exceptions import ProtocolError
from sagellm_protocol.model.native import in_use
from sagellm_protocol.model.spec import spec_of

Answers = Iterator[tuple[str, str]]

_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_WRITERS: Mapping[str, Mapping[str, bool]] = {
    "": {},
    "short": {"omit_defaults": True},
    "no nulls": {"omit_nulls": True},
}


def answer(act: Callable[[], Any]) -> str:
    """What came of it. Other exceptions than ours are no fault here, as long as both ways raise them."""
    try:
        return f"taken: {exactly(act())}"
    except ProtocolError as error:
        return f"{type(error).__name__}: {_ADDRESS.sub('0x', str(error))}"
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:
        return f"{type(error).__name__}: {_ADDRESS.sub('0x', str(error))}"


def _read(given: Input, datas: Mapping[str, Any]) -> Answers:
    cls, options = kind_of(given), options_of(given)
    for name, data in datas.items():
        if data is None:
            continue
        codec = codecs.get(name, **options)
        yield f"{name} decodes", answer(lambda: codec.decode(data, cls))  # noqa: B023 - called at once
        with suppress(ProtocolError):
            decode = codec.decoder(cls)
            yield f"{name} decodes, bound", answer(lambda: decode(data))  # noqa: B023
        with suppress(Exception):
            yield from _written(codec.decode(data, cls), cls, {**options, "lossy": True})


def _written(message: Any, cls: Any, options: Mapping[str, Any]) -> Answers:
    """What every codec writes of it. Where a default made an id or a time, the rest of what the bytes hold is told."""
    told = exactly(message)
    yield "shown", _ADDRESS.sub("0x", repr(message)) if '"made"' not in told else ""
    for name in CODECS:
        for form, omitting in _WRITERS.items():
            codec = codecs.get(name, **{**options, **omitting})
            if '"made"' in told:
                text = answer(lambda: codec.decode(codec.encode(message), cls))  # noqa: B023
            else:
                text = answer(lambda: repr(codec.encode(message)))  # noqa: B023
            yield f"{name} encodes {form}", text


def _decoding(given: Input) -> Answers:
    payload = given["payload"]
    yield from _read(given, {name: _formed(name, payload) for name in CODECS})
    if given["revision"] == history.latest:
        yield "from_plain", answer(lambda: from_plain(kind_of(given), payload, unknown=given["unknown"]))


def _formed(name: str, payload: Any) -> Any:
    with suppress(Exception):
        return FORMS[name](payload)
    return None


def _parsing(names: tuple[str, ...], given: Input) -> Answers:
    yield from _read(given, dict.fromkeys(names, given["data"]))


def _envelope(given: Input) -> Answers:
    for name in CODECS:
        data = _formed(name, given["payload"])
        if data is not None:
            codec = codecs.get(name, unknown=given["unknown"])
            yield f"{name} decodes an envelope", answer(lambda: codec.decode_envelope(data))  # noqa: B023


def _construct(given: Input) -> Answers:
    cls = CATALOG.get(given["message"])
    names = {field.name for field in spec_of(cls).fields}
    arguments = {name: value for name, value in given["payload"].items() if name in names}
    for label, given_arguments in (("built", arguments), ("built of all that is there", given["payload"])):
        yield label, answer(lambda: cls(**given_arguments))  # noqa: B023
    with suppress(Exception):
        message = cls(**arguments)
        yield from _written(message, cls, {})
        for name, value in arguments.items():
            yield f"changed in {name}", answer(lambda: evolve(message, **{name: value}))  # noqa: B023
        if '"made"' not in exactly(message):
            yield "by msgspec", answer(lambda: repr(msgspec.to_builtins(message)))


def _encode(given: Input) -> Answers:
    for name in CODECS:
        codec = codecs.get(name, revision=given["revision"])
        yield f"{name} encodes", answer(lambda: repr(codec.encode(given["payload"])))  # noqa: B023


WAYS_IN: Mapping[str, Callable[[Input], Answers]] = {
    "decode": _decoding,
    "decode-python": _decoding,
    "decode-json": partial(_parsing, ("json", "msgspec-json")),
    "decode-msgpack": partial(_parsing, ("msgpack", "msgspec-msgpack")),
    "envelope": _envelope,
    "construct": _construct,
    "encode": _encode,
}
"""How an input of each target is answered."""


def answers(target: str, seed: int, number: int) -> dict[str, str]:
    """Every answer to one input, by name."""
    given = made(TARGETS[target], seed, number)
    found: dict[str, str] = {}
    with room(1_000):
        for name, text in WAYS_IN[target](given):
            found[f"{len(found)} {name}"] = text
    return found


def main() -> None:
    """First a line that says which way this is, then a line for each input: how many answers, and their digest."""
    seed, first, *targets = sys.argv[1:]
    print(in_use(), native.core and native.core.__file__, flush=True)
    for number in count(int(first)):
        for target in targets:
            found = answers(target, int(seed), number)
            digest = hashlib.sha256(json.dumps(found).encode(errors="surrogatepass")).hexdigest()
            print(json.dumps([target, number, len(found), digest]), flush=True)


if __name__ == "__main__":
    main()
