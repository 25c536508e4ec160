"""The choices on a codec: checked when they are made, frozen, and equal where they mean the same."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_args

import attrs
import orjson

from sagellm_protocol.codecs.formats import MAX_BYTES, refusal
from sagellm_protocol.history import HISTORY, LATEST, History
from sagellm_protocol.history.lossy import Chosen, LossChoice, chosen
from sagellm_protocol.model.checking import check_payload
from sagellm_protocol.model.exceptions import DecodeError, OptionError, ValidationError
from sagellm_protocol.model.freezing import freeze_table
from sagellm_protocol.model.frozen import EMPTY
from sagellm_protocol.model.kinds import Free, Table, Type
from sagellm_protocol.model.paths import below
from sagellm_protocol.model.shortening import short
from sagellm_protocol.model.source import Doubt
from sagellm_protocol.model.spec import Unknown
from sagellm_protocol.model.wording import did_you_mean

if TYPE_CHECKING:
    from sagellm_protocol.codecs.converting import MessageConverter

_FREE_TABLE = Table(Free())


def _must(holds: Callable[[Any], bool], rule: str, near: Iterable[str] = ()) -> Callable[[Any, Any, Any], None]:
    def check(_: Options, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not holds(value):
            raise OptionError(f"{attribute.name} must be {rule}, got {short(value)}{did_you_mean(value, near)}")

    return check


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_unknown(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value in get_args(Unknown))


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_function(value: Any) -> bool:
    return value is None or (callable(value) and isinstance(value, Hashable))


def _is_history(value: Any) -> bool:
    return isinstance(value, History)


def _given(fill: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return EMPTY if fill is None else fill


def _losses_chosen(lossy: LossChoice) -> Chosen:
    choice = chosen(lossy)
    if not isinstance(choice, Hashable):
        raise OptionError(f"lossy must be a function that has a hash, as codecs are kept by it, got {short(choice)}")
    return choice


@attrs.frozen(kw_only=True)
class Options:
    """The choices on a codec, each checked.

    Options that mean the same are equal: ``0.4.0.8`` and ``0.4.0.7`` speak one revision.

    ``fill``, ``lossy`` and ``stash`` mean something at older revisions alone (and in envelopes of older ones, when they
    are read), ``max_bytes`` to formats of bytes alone. Elsewhere they are not refused, so that a server can choose once
    for all its peers, whatever revision they speak.

    Raises:
        OptionError: a choice is of the wrong type, or has no meaning anywhere.
        UnsupportedRevisionError: no such revision.
    """

    revision: str = attrs.field(default=LATEST, validator=_must(_is_text, "text"))
    """Any release name; the codec reads and writes what that release does. Held as the name of its revision."""
    unknown: Unknown | None = attrs.field(
        default=None, validator=_must(_is_unknown, "'forbid', 'ignore', 'keep' or None", get_args(Unknown))
    )
    """What to do with fields that a message does not have; where it is None, what each message says. ``"keep"`` keeps
    them where a message has a place for them; the others do as they say."""
    omit_defaults: bool = attrs.field(default=False, validator=_must(_is_flag, "a bool"))
    """Leave out fields that hold their default, except where leaving them out would mean something else."""
    omit_nulls: bool = attrs.field(default=False, validator=_must(_is_flag, "a bool"))
    """Leave out fields that are None where that is their default, and write all others: what OpenAI clients expect."""
    lossy: Chosen = attrs.field(default=False, converter=_losses_chosen)
    """Leave out what an older revision cannot say, instead of raising ``LossyDowngradeError``: all of it, what stands
    at some paths or below them (``"metrics.prompt_tokens"``, ``"choices[*].logprobs"``), or what a function says that
    is given each :class:`~sagellm_protocol.Loss`. Paths are held as a tuple, in alphabetical order."""
    stash: bool = attrs.field(default=False, validator=_must(_is_flag, "a bool"))
    """Keep what an older revision cannot say in the free ``metadata`` of those messages that have such a field, under
    the key ``"sagellm_protocol.stash"``; and put back what is found there."""
    max_bytes: int = attrs.field(default=MAX_BYTES, validator=_must(_is_size, "an integer of bytes, 0 or more"))
    """Refuse to decode more than this many bytes."""
    fill: Mapping[str, Any] = attrs.field(
        default=None, converter=_given, validator=_must(_is_mapping, "a mapping from field names"), eq=False
    )
    """Values for required fields that an older revision does not have, by field name. A frozen copy is held."""
    consistent: bool = attrs.field(default=False, validator=_must(_is_flag, "a bool"))
    """Refuse to decode a message that breaks rules between its fields, at an older revision once it is brought forward.
    What is encoded is not asked: ``check_consistent`` does that."""
    on_deprecated: Callable[[Mapping[str, int]], object] | None = attrs.field(
        default=None, validator=_must(_is_function, "a function that is given counts by path")
    )
    """Is told of each payload that was decoded and uses what the history deprecates, at whatever revision: how often,
    by full name of today (``types.Request.prompt``). A field is used where a payload holds it, also at its default; a
    message or a member of an enumeration where it stands, at any depth. :class:`.DeprecatedUse` adds up. What it
    raises, ``decode`` raises."""
    history: History = attrs.field(default=HISTORY, validator=_must(_is_history, "a History"))
    """The revisions and messages that it knows."""
    configure: Callable[[MessageConverter], object] | None = attrs.field(
        default=None, validator=_must(_is_function, "a function that is given a converter")
    )
    """Teaches the codec's converter before anything is read or written: hooks, hook factories and strategies of cattrs,
    for messages and for types in them, and ``converter.override(Message, field=cattrs.override(...))``. The codec is
    that function's own."""
    _fill_text: bytes = attrs.field(init=False, repr=False, default=b"{}")
    """``fill`` as JSON, which tells ``1`` from ``True`` and ``1.0`` where Python's ``==`` does not."""

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "revision", self.history.resolve(self.revision))
        if isinstance(self.lossy, tuple):
            _refuse_unlosable(self.history, self.lossy)
        if self.fill is not EMPTY:
            fill, text = _frozen(self.fill)
            _refuse_unfit(self.history, text)
            object.__setattr__(self, "fill", fill)
            object.__setattr__(self, "_fill_text", text)


def _frozen(fill: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes]:
    """A copy that nobody can change, and its JSON, with the names in alphabetical order."""
    try:
        frozen = freeze_table(fill)
    except Doubt:
        frozen = None
    if frozen is None:
        frozen = _checked(_FREE_TABLE, fill, "fill")
    try:
        return frozen, orjson.dumps(frozen, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        raise OptionError(f"fill: {refusal(frozen)}") from None


@lru_cache(maxsize=128)
def _refuse_unlosable(history: History, paths: tuple[str, ...]) -> None:
    """Refuse paths at which nothing can be lost in any message."""
    history.refuse_unlosable(paths)


@lru_cache(maxsize=128)
def _refuse_unfit(history: History, text: bytes) -> None:
    """Refuse names that no older revision lacks, and values that the field cannot hold in any message."""
    fillable = history.fillable()
    for name, value in orjson.loads(text).items():
        if name not in fillable:
            hint = did_you_mean(name, fillable) or f"; there are {', '.join(sorted(fillable)) or 'none'}"
            raise OptionError(f"fill names {short(name)}, no required field that an older revision lacks{hint}")
        _refuse_unfit_value(name, value, fillable[name])


def _refuse_unfit_value(name: str, value: Any, kinds: tuple[Type, ...]) -> None:
    refusals = [_refusal(kind, value, below("fill", name)) for kind in kinds]
    if refusals[0] is not None and all(refusals):
        raise refusals[0]


def _refusal(kind: Type, value: Any, path: str) -> OptionError | None:
    try:
        _checked(kind, value, path)
    except OptionError as error:
        return error
    return None


def _checked(kind: Type, value: Any, path: str) -> Any:
    try:
        return check_choice(kind, value, path, "codecs.Options")
    except ValidationError as error:
        others = len(error.violations) - 1 + error.more
        told = str(error.violations[0])
        raise OptionError(f"{told} (and {others} more)" if others else told) from None
    except DecodeError as error:
        raise OptionError(f"{path}: {error}") from None


def check_choice(kind: Type, value: Any, path: str, of: str) -> Any:
    """What a user chose, converted to its type.

    Args:
        kind: the type that it should be of.
        value: what was given.
        path: where it was given: ``fill.engine_id``.
        of: what it is a choice of, as violations name it.

    Raises:
        ValidationError: it is of another type.
        DecodeError: it holds an integer that no format can carry.
    """
    try:
        return check_payload(kind, value)
    except ValidationError as error:
        violations = (attrs.evolve(it, path=below(path, it.path)) for it in error.violations)
        raise ValidationError(of, violations, error.more) from None
