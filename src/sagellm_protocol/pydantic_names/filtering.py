"""``include=`` and ``exclude=``: which fields, items and keys are written, all the way down."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from sagellm_protocol.model.exceptions import OptionError
from sagellm_protocol.model.shortening import short

_ALL = "__all__"
"""Stands for every field, item or key."""

_WORDS = "{} is a set of names, or a dict of what to {} below each, not {}"


@attrs.frozen
class Filter:
    """What is asked for at one place: collections of steps, or mappings of steps to what is asked for below each."""

    include: Any = None
    exclude: Any = None

    @property
    def idle(self) -> bool:
        """Whether everything from here down is written."""
        return self.include is None and self.exclude is None

    def checked(self) -> Filter:
        """This one, where there is something to choose from.

        Raises:
            OptionError: it is no collection.
        """
        for name, asked in (("include", self.include), ("exclude", self.exclude)):
            if asked is not None and (isinstance(asked, (str, bytes)) or not isinstance(asked, Collection)):
                raise OptionError(_WORDS.format(name, name, short(asked)))
        return self

    def among(self, count: int) -> Filter:
        """The same for a sequence of so many items, whose last is -1."""
        return self if self.idle or not count else Filter(_placed(self.include, count), _placed(self.exclude, count))

    def at(self, step: Any) -> Filter | None:
        """What is asked for below a field, item or key; None where it is left out."""
        if self.include is None and self.exclude is None:
            return self
        exclude = include = None
        if self.exclude is not None:
            found, exclude = _asked(self.exclude, step)
            if found and _is_whole(exclude):
                return None
        if self.include is not None:
            found, include = _asked(self.include, step)
            if not found:
                return None
            if _is_whole(include):
                include = None
        return Filter(include, exclude)


ALL = Filter()
"""Everything."""


def _is_whole(asked: Any) -> bool:
    """Whether the step is meant with all that is below it."""
    return asked is ... or asked is True


def _asked(asked: Any, step: Any) -> tuple[bool, Any]:
    """Whether a step is named, and what below it."""
    if not isinstance(asked, Mapping):
        named = step in asked or _ALL in asked
        return named, ... if named else None
    if step in asked and _ALL in asked:
        own, all_of_them = asked[step], asked[_ALL]
        whole = _is_whole(own) or _is_whole(all_of_them)
        return True, own if whole else _merged(own, all_of_them)
    name = step if step in asked else _ALL
    return name in asked, asked.get(name)


def _merged(own: Any, also: Any) -> dict[Any, Any]:
    """What is asked for below one step, and below all of them."""
    merged = dict(_as_dict(own))
    for step, asked in _as_dict(also).items():
        if step not in merged:
            merged[step] = asked
        elif not _is_whole(merged[step]) and not _is_whole(asked):
            merged[step] = _merged(merged[step], asked)
    return merged


def _as_dict(asked: Any) -> Mapping[Any, Any]:
    if asked is None:
        raise OptionError(_WORDS.format("what stands beside '__all__'", "leave out or put in", None))
    Filter(asked).checked()
    return asked if isinstance(asked, Mapping) else dict.fromkeys(asked, ...)


def _placed(asked: Any, count: int) -> Any:
    """The same with places counted from the start: what lies beyond the ends goes round, as it did."""
    if isinstance(asked, Mapping):
        return {_place(step, count): below for step, below in asked.items()}
    return None if asked is None else {_place(step, count) for step in asked}


def _place(step: Any, count: int) -> Any:
    return step % count if isinstance(step, int) else step
