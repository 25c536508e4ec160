"""Messages to bytes and back: the registry, and a module for each format."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any, Literal, overload

from sagellm_protocol.codecs.codec import Codec, Options
from sagellm_protocol.codecs.formats import MAX_BYTES, Format
from sagellm_protocol.codecs.negotiation import choices
from sagellm_protocol.codecs.registry import Registration, Registry
from sagellm_protocol.history import HISTORY, LATEST, History
from sagellm_protocol.model.exceptions import UnknownCodecError
from sagellm_protocol.model.spec import Unknown

_BUILT_IN: dict[str, tuple[str, str | None]] = {
    "json": ("json", "application/json"),
    "msgpack": ("msgpack", "application/msgpack"),
    "dict": ("dicts", None),
    "msgspec-json": ("msgspec", None),
    "msgspec-msgpack": ("msgspec", None),
}
"""Name to the module that makes the format, which is imported when the codec is first asked for, and media type."""


def _make(name: str) -> Format:
    module = import_module(f"{__name__}.{_BUILT_IN[name][0]}")
    format: Format = getattr(module, f"make_{name.replace('-', '_')}")()
    return format


_REGISTRY = Registry()
for _name, (_, _media_type) in _BUILT_IN.items():
    _REGISTRY.register(_name, partial(_make, _name), media_type=_media_type)

register = _REGISTRY.register
unregister = _REGISTRY.unregister


@overload
def get(
    name: Literal["json", "msgpack", "msgspec-json", "msgspec-msgpack"],
    *,
    revision: str = ...,
    unknown: Unknown | None = ...,
    omit_defaults: bool = ...,
    lossy: bool = ...,
    max_bytes: int = ...,
    fill: Mapping[str, Any] | None = ...,
    history: History = ...,
) -> Codec[bytes]: ...
@overload
def get(
    name: Literal["dict"],
    *,
    revision: str = ...,
    unknown: Unknown | None = ...,
    omit_defaults: bool = ...,
    lossy: bool = ...,
    max_bytes: int = ...,
    fill: Mapping[str, Any] | None = ...,
    history: History = ...,
) -> Codec[dict[str, Any]]: ...
@overload
def get(
    name: str,
    *,
    revision: str = ...,
    unknown: Unknown | None = ...,
    omit_defaults: bool = ...,
    lossy: bool = ...,
    max_bytes: int = ...,
    fill: Mapping[str, Any] | None = ...,
    history: History = ...,
) -> Codec[Any]: ...
def get(
    name: str,
    *,
    revision: str = LATEST,
    unknown: Unknown | None = None,
    omit_defaults: bool = False,
    lossy: bool = False,
    max_bytes: int = MAX_BYTES,
    fill: Mapping[str, Any] | None = None,
    history: History = HISTORY,
) -> Codec[Any]:
    """The codec of that name.

    Args:
        name: ``json``, ``msgpack``, ``dict``; with the extra ``msgspec``, ``msgspec-json`` and ``msgspec-msgpack``; or
            what was registered.
        revision: any release name; the codec reads and writes what that release does.
        unknown: ``"forbid"`` or ``"ignore"`` fields that a message does not have; None leaves it to each message.
        omit_defaults: write the short form, without fields that hold their default.
        lossy: leave out what an older revision cannot say, instead of raising.
        max_bytes: refuse to decode more than this.
        fill: values for required fields that an older revision does not have, by field name.
        history: the revisions and messages; the protocol's own unless told otherwise.

    Raises:
        UnknownCodecError: no such codec.
        UnsupportedRevisionError: no such revision.
        MissingExtraError: the codec needs an extra.
    """
    options = Options(revision, unknown, omit_defaults, lossy, max_bytes, fill or {}, history)
    return _REGISTRY.get(name, options)


def names() -> tuple[str, ...]:
    """Every registered codec."""
    return tuple(_REGISTRY.registered())


def negotiate(accept: str) -> Codec[Any]:
    """The codec that an ``Accept`` header asks for.

    Weights and wildcards are those of RFC 9110; ``revision`` is a parameter of the media type:
    ``application/msgpack;revision=0.4.0.8, application/json;q=0.5``. An empty header accepts everything.

    Raises:
        UnknownCodecError: nothing registered matches, or the header is malformed.
        UnsupportedRevisionError: what matches asks for a revision that does not exist.
    """
    media_types = {name: it.media_type for name, it in _REGISTRY.registered().items() if it.media_type is not None}
    wanted = choices(accept, media_types)
    for name, revision in wanted:
        if revision in (None, LATEST) or revision in HISTORY.releases:
            return get(name, revision=revision or LATEST)
    for _, revision in wanted:
        HISTORY.resolve(revision or LATEST)
    raise UnknownCodecError(f"no codec matches {accept[:200]!r}; there are {', '.join(media_types.values())}")


__all__ = [
    "Codec",
    "Format",
    "Options",
    "Registration",
    "Registry",
    "get",
    "names",
    "negotiate",
    "register",
    "unregister",
]
