"""How each competitor does each work on a message, as statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import msgpack
import msgspec
import orjson

from benchmarks.case import Case
from benchmarks.equals import AttrsTwins, StructTwins, given
from benchmarks.traffic import Traffic
from sagellm_protocol import catalog, codecs, evolve
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model.exceptions import LossyDowngradeError

UPGRADED = ("types.StreamEventDelta", "types.Response")
"""The messages that are upgraded from 0.1.0, and stand in lists and envelopes."""

LISTED = 10
"""Messages in a list."""


def of_ours(message: str, payload: dict[str, Any], *, with_msgspec: bool) -> Iterator[Case]:
    """This package, with the core codecs and with those of msgspec."""
    cls, text = catalog.get(message), orjson.dumps(payload)
    made = codecs.get("json").decode(text, cls)
    yield _build(message, "core", cls, payload, made)
    yield _changing(message, "core", "change(made, {field}=value)", payload, made, change=evolve)
    yield from _comparing(message, "core", lambda: codecs.get("json").decode(text, cls))
    sets = {"core": {"JSON": "json", "MessagePack": "msgpack", "dict": "dict"}}
    if with_msgspec:
        sets["msgspec"] = {"JSON": "msgspec-json", "MessagePack": "msgspec-msgpack"}
    for competitor, names in sets.items():
        for label, name in names.items():
            encode, decode = codecs.get(name).encoder(cls), codecs.get(name).decoder(cls)
            yield Case(f"encode {label}", message, competitor, "encode(made)", {"encode": encode, "made": made})
            yield from _decoding(label, message, competitor, "decode(wire)", encode(made), decode=decode)
        for release, old in _old(message, payload):
            decode = codecs.get(names["JSON"], revision=release).decoder(cls)
            wire = orjson.dumps(old)
            yield from _decoding(f"at {release}", message, competitor, "decode(wire)", wire, decode=decode)
        if message in UPGRADED:
            codec = codecs.get(names["JSON"])
            reading = {"decode": codec.decode, "cls": list[cls]}
            yield Case("decode a list", message, competitor, "decode(wire, cls)", {**reading, "wire": _listed(payload)})
            for work, wire in _envelopes(message, payload):
                yield Case(work, message, competitor, "decode(wire)", {"decode": codec.decode_envelope, "wire": wire})
    for release, old in _old(message, payload):
        if release == "0.1.0":
            upgrading = {"upgrade": HISTORY.upgrade, "old": old, "name": message, "since": release}
            yield Case(f"upgrade from {release}", message, "core", "upgrade(old, name, since=since)", upgrading)


def of_published(message: str, payload: dict[str, Any], cls: Any) -> Iterator[Case]:
    """The published release, as its users call it."""
    who, made, text = "published", cls.model_validate(payload), orjson.dumps(payload)
    pack, unpack, validate = msgpack.packb, msgpack.unpackb, cls.model_validate
    yield _build(message, who, cls, payload, made)
    yield _changing(message, who, "made.model_copy(update={{'{field}': value}})", payload, made)
    yield from _comparing(message, who, lambda: cls.model_validate_json(text))
    yield Case("encode JSON", message, who, "made.model_dump_json()", {"made": made})
    yield from _decoding("JSON", message, who, "read(wire)", text, read=cls.model_validate_json)
    writing = {"pack": pack, "made": made}
    yield Case("encode MessagePack", message, who, "pack(made.model_dump(mode='json'))", writing)
    names = {"validate": validate, "unpack": unpack}
    yield from _decoding("MessagePack", message, who, "validate(unpack(wire))", pack(payload), **names)
    yield Case("encode dict", message, who, "made.model_dump()", {"made": made})
    yield from _decoding("dict", message, who, "validate(wire)", payload, validate=validate)


def of_cattrs(message: str, payload: dict[str, Any], twins: AttrsTwins) -> Iterator[Case]:
    """Plain cattrs over equal attrs classes with validators; its hooks are bound before."""
    who, cls = "cattrs", twins.of(catalog.get(message))
    structure = twins.converter.get_structure_hook(cls)
    writing = {"unstructure": twins.converter.get_unstructure_hook(cls), "made": structure(payload, cls)}
    reading = {"structure": structure, "cls": cls}
    text, packed = orjson.dumps(payload), msgpack.packb(payload)
    yield _build(message, who, cls, payload, writing["made"])
    yield _changing(message, who, "change(made, {field}=value)", payload, writing["made"], change=attrs.evolve)
    yield from _comparing(message, who, lambda: structure(orjson.loads(text), cls))
    for label, dumps, loads, wire in (
        ("JSON", orjson.dumps, orjson.loads, text),
        ("MessagePack", msgpack.packb, msgpack.unpackb, packed),
    ):
        yield Case(f"encode {label}", message, who, "dumps(unstructure(made))", {"dumps": dumps, **writing})
        yield from _decoding(label, message, who, "structure(loads(wire), cls)", wire, loads=loads, **reading)
    yield Case("encode dict", message, who, "unstructure(made)", writing)
    yield from _decoding("dict", message, who, "structure(wire, cls)", payload, **reading)


def of_struct(message: str, payload: dict[str, Any], structs: StructTwins) -> Iterator[Case]:
    """Msgspec with its own classes; encoders and decoders are made before."""
    who, cls = "struct", structs.of(catalog.get(message))
    text, packed = orjson.dumps(payload), msgpack.packb(payload)
    made = msgspec.convert(payload, cls)
    yield _build(message, who, cls, payload, made)
    yield _changing(message, who, "change(made, {field}=value)", payload, made, change=msgspec.structs.replace)
    yield from _comparing(message, who, lambda: msgspec.json.decode(text, type=cls))
    for label, module, wire in (("JSON", msgspec.json, text), ("MessagePack", msgspec.msgpack, packed)):
        encode, decode = module.Encoder().encode, module.Decoder(cls).decode
        yield Case(f"encode {label}", message, who, "encode(made)", {"encode": encode, "made": made})
        yield from _decoding(label, message, who, "decode(wire)", wire, decode=decode)
    yield Case("encode dict", message, who, "to_builtins(made)", {"to_builtins": msgspec.to_builtins, "made": made})
    yield from _decoding("dict", message, who, "convert(wire, cls)", payload, convert=msgspec.convert, cls=cls)


def of_raw(message: str, payload: dict[str, Any]) -> Iterator[Case]:
    """Orjson and msgpack on dicts."""
    who, text, packed = "raw", orjson.dumps(payload), msgpack.packb(payload)
    yield from _comparing(message, who, lambda: orjson.loads(text))
    for label, dumps, loads, wire in (
        ("JSON", orjson.dumps, orjson.loads, text),
        ("MessagePack", msgpack.packb, msgpack.unpackb, packed),
    ):
        yield Case(f"encode {label}", message, who, "dumps(payload)", {"dumps": dumps, "payload": payload})
        yield from _decoding(label, message, who, "loads(wire)", wire, loads=loads)
    for release, old in _old(message, payload):
        parsing = list(_decoding(f"at {release}", message, who, "loads(wire)", orjson.dumps(old), loads=orjson.loads))
        yield from parsing
        if release == "0.1.0":
            yield attrs.evolve(parsing[0], work=f"upgrade from {release}")
    if message in UPGRADED:
        for work, wire in (("decode a list", _listed(payload)), *_envelopes(message, payload)):
            yield Case(work, message, who, "loads(wire)", {"loads": orjson.loads, "wire": wire})


def _build(message: str, who: str, cls: Any, fields: Any, made: Any) -> Case:
    values = {f"v{number}": given(getattr(made, field)) for number, field in enumerate(fields)}
    arguments = ", ".join(f"{field}={value}" for field, value in zip(fields, values, strict=True))
    return Case("build", message, who, f"make({arguments})", {"make": cls, **values})


def _changing(message: str, who: str, statement: str, payload: dict[str, Any], made: Any, **names: Any) -> Case:
    field = next(iter(payload))
    names |= {"made": made, "value": getattr(made, field)}
    return Case("change a field", message, who, statement.format(field=field), names)


def _decoding(label: str, message: str, who: str, statement: str, wire: Any, **names: Any) -> Iterator[Case]:
    names["wire"] = wire
    traffic = Traffic.of(message, wire) if isinstance(wire, bytes) else None
    yield Case(f"decode {label}", message, who, statement, names, traffic)
    if label == "JSON":
        yield Case("decode the same JSON", message, who, statement, names)


def _listed(payload: dict[str, Any]) -> bytes:
    return orjson.dumps([payload] * LISTED)


def _envelopes(message: str, payload: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Records that say what they are, by the work that reading them is."""
    made = codecs.get("dict").decode(payload, catalog.get(message))
    yield "decode an envelope", codecs.get("json").encode_envelope(made)
    yield "decode an envelope of 0.4.0.8", codecs.get("json", revision="0.4.0.8", lossy=True).encode_envelope(made)


def _comparing(message: str, who: str, decode: Callable[[], Any]) -> Iterator[Case]:
    one, other = decode(), decode()
    yield Case("equality", message, who, "one == other", {"one": one, "other": other})
    try:
        hash(one)
    except TypeError:
        return
    yield Case("hash", message, who, "hash(one)", {"one": one})


def _old(message: str, payload: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The payload as older releases would have written it, as far as that is measured."""
    for release in ("0.4.0.8", "0.1.0"):
        if release == "0.1.0" and message not in UPGRADED:
            continue
        try:
            yield release, HISTORY.downgrade(payload, message, to=release, lossy=True)
        except LossyDowngradeError:
            continue  # there was no such message
