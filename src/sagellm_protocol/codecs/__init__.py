"""Messages to bytes and back: the registry, and a module for each format."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from importlib import import_module
from inspect import Signature, signature
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeVar, overload

from attrs import evolve

from sagellm_protocol.codecs.codec import Codec
from sagellm_protocol.codecs.deprecated import DeprecatedUse
from sagellm_protocol.codecs.formats import Format
from sagellm_protocol.codecs.negotiation import choices, unmatched
from sagellm_protocol.codecs.options import Options
from sagellm_protocol.codecs.registry import PLAIN, Registration, Registry
from sagellm_protocol.model.exceptions import MissingExtraError, UnknownCodecError, UnsupportedRevisionError
from sagellm_protocol.model.shortening import short

if TYPE_CHECKING:
    from sagellm_protocol.codecs.converting import MessageConverter

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


_REGISTRY = Registry(
    {name: Registration(partial(_make, name), media_type) for name, (_, media_type) in _BUILT_IN.items()}
)

register = _REGISTRY.register
unregister = _REGISTRY.unregister
names = _REGISTRY.names


def media_types() -> dict[str, str]:
    """The media type of every codec that has one and can be loaded, by name: what :func:`negotiate` chooses from."""
    return _REGISTRY.media_types()[0]


First = TypeVar("First")
Given = ParamSpec("Given")
Made = TypeVar("Made")


def _choosing(
    options: Callable[Given, Options],
) -> Callable[[Callable[[First, Options], Made]], Callable[Concatenate[First, Given], Made]]:
    """Lets a function that takes ``Options`` take the options themselves, so that they are listed in one place."""

    def choosing(function: Callable[[First, Options], Made]) -> Callable[Concatenate[First, Given], Made]:
        @wraps(function)
        def chosen(first: First, /, *arguments: Given.args, **choices: Given.kwargs) -> Made:
            return function(first, options(*arguments, **choices) if arguments or choices else PLAIN)

        first, *_ = signature(function).parameters.values()
        given = signature(options).parameters.values()
        chosen.__signature__ = Signature([first.replace(kind=first.POSITIONAL_ONLY), *given])  # type: ignore[attr-defined]
        return chosen

    return choosing


@overload
@_choosing(Options)
def get(name: Literal["json", "msgpack", "msgspec-json", "msgspec-msgpack"], options: Options) -> Codec[bytes]: ...
@overload
@_choosing(Options)
def get(name: Literal["dict"], options: Options) -> Codec[dict[str, Any]]: ...
@overload
@_choosing(Options)
def get(name: str, options: Options) -> Codec[Any]: ...
@_choosing(Options)
def get(name: str, options: Options) -> Codec[Any]:
    """The codec of that name. The options are given by name: ``get("json", revision="0.4.0.8", lossy=True)``.

    Asked again for the same, it gives the same codec, while that is kept: those without options are, and of the others
    the last 128 or so.

    Args:
        name: ``json``, ``msgpack``, ``dict``; with the extra ``msgspec``, ``msgspec-json`` and ``msgspec-msgpack``; or
            what was registered.
        options: the fields of :class:`Options`, which tells what each is for.

    Raises:
        UnknownCodecError: no such codec, or the package that brings it fails.
        OptionError: an option is of the wrong type, or means nothing.
        UnsupportedRevisionError: no such revision.
        MissingExtraError: the codec needs an extra.
    """
    return _REGISTRY.get(name, options)


@_choosing(Options)
def negotiate(accept: str, options: Options) -> Codec[Any]:
    """The codec that an ``Accept`` header asks for.

    Weights and wildcards are those of RFC 9110; ``revision`` is a parameter of the media type:
    ``application/msgpack;revision=0.4.0.8, application/json;q=0.5``. An empty header accepts everything.

    Args:
        accept: the header, of 8,192 characters and 256 media ranges at most.
        options: as for :func:`get`. ``revision`` is what those get who ask for none.

    Raises:
        UnknownCodecError: nothing that there is matches, or the header is malformed or too long.
        UnsupportedRevisionError: what matches asks for a revision that does not exist.
        OptionError: an option is of the wrong type, or means nothing; the header is no text.
    """
    media_types, failures = _REGISTRY.media_types()
    wanted = choices(accept, media_types, options.history, options.revision)
    for name, revision in wanted.found:
        codec = _found(name, options if revision == options.revision else evolve(options, revision=revision), failures)
        if codec is not None:
            return codec
    if not wanted.found and wanted.unknown is not None:
        try:
            options.history.resolve(wanted.unknown)
        except UnsupportedRevisionError as error:
            error.fault = "remote"  # It stands in the header.
            raise
    there = ", ".join(dict.fromkeys(media_types.values()))
    reasons = "".join(f"; {reason}" for reason in dict.fromkeys(failures))
    raise unmatched(f"no codec matches {short(accept)}; there are {there}{reasons}")


def _found(name: str, options: Options, failures: list[str]) -> Codec[Any] | None:
    """A codec; None, and why among the failures, where it cannot be made."""
    try:
        return _REGISTRY.get(name, options)
    except (UnknownCodecError, MissingExtraError) as error:
        failures.append(str(error))
        return None


def __getattr__(name: str) -> Any:
    # With it comes cattrs, which most programs need not load.
    if name == "MessageConverter":
        return import_module(f"{__name__}.converting").MessageConverter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Codec",
    "DeprecatedUse",
    "Format",
    "MessageConverter",
    "Options",
    "Registration",
    "Registry",
    "get",
    "media_types",
    "names",
    "negotiate",
    "register",
    "unregister",
]
