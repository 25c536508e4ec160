"""What a revision defines, for changes to be undone in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs

from sagellm_protocol.history.defaults import is_plain, plain_default
from sagellm_protocol.history.payloads import alike
from sagellm_protocol.model.spec import REQUIRED, Field, NotAllNull, Spec


class HistoryError(LookupError):
    """A list of revisions contradicts itself, or the classes that it leads to (a programming error, not bad data)."""

    def __init__(self, revision: str, reason: str) -> None:
        self.revision = revision
        """The revision whose changes are wrong."""
        self.reason = reason
        super().__init__(f"revision {revision}: {reason}: the history is wrong")

    def __reduce__(self) -> tuple[type[HistoryError], tuple[str, str]]:
        return type(self), (self.revision, self.reason)


@attrs.define
class Tables:
    """Everything a revision defines. Messages are specs, enumerations map names to values."""

    revision: str
    """The revision that defines it; while changes are undone, the one that made them."""
    messages: dict[str, Spec]
    enums: dict[str, dict[str, str | int]]
    typed_dicts: dict[str, dict[str, str]]
    unsaid: dict[tuple[type, str], Any] = attrs.field(factory=dict)
    """What payloads of before hold in each field that has come since and was required when it came, by the message's
    class and today's field name; ``REQUIRED`` where the change does not say, so that only ``fill`` can."""
    came_as: dict[tuple[type, str], Any] = attrs.field(factory=dict)
    """The default with which each other field came: what payloads of before mean, whatever it became later."""
    droppable: set[tuple[type, str]] = attrs.field(factory=set)
    """The fields, by the message's class and today's name, of which peers of before they came need know nothing."""
    null_unsaid: set[tuple[type, str]] = attrs.field(factory=set)
    """The fields, likewise, in which null came to be allowed, and means what leaving them out does."""

    def before(self, revision: str) -> Tables:
        """A copy to undo the changes of a revision in."""
        enums = {name: dict(members) for name, members in self.enums.items()}
        return Tables(
            revision,
            dict(self.messages),
            enums,
            dict(self.typed_dicts),
            dict(self.unsaid),
            dict(self.came_as),
            set(self.droppable),
            set(self.null_unsaid),
        )

    def before_it_came(self, message: type, field: Field) -> tuple[Any, bool]:
        """What payloads mean by not having a field of today that came later, and whether ``fill`` goes before that.

        It is ``REQUIRED`` where leaving the field out today means the same, or where nobody but ``fill`` can say.
        """
        key = message, field.name
        if key in self.unsaid:
            return self.unsaid[key], True
        came_as = self.came_as.get(key, field.default)
        if not is_plain(came_as) or (is_plain(field.default) and alike(*map(plain_default, (came_as, field.default)))):
            return REQUIRED, False
        return plain_default(came_as), False

    def wrong(self, reason: str) -> HistoryError:
        """The error for a change of this revision that cannot have been."""
        return HistoryError(self.revision, reason)

    def not_there(self, name: str) -> HistoryError:
        """The error for a change of what the revision does not have."""
        return self.wrong(f"{name} does not exist at this revision")

    def message(self, name: str) -> Spec:
        """A message; the history is wrong if there is none."""
        if name not in self.messages:
            raise self.not_there(name)
        return self.messages[name]

    def field(self, message: str, name: str) -> Field:
        """A field of a message; the history is wrong if there is none."""
        for field in self.message(message).fields:
            if field.name == name:
                return field
        raise self.wrong(f"{message} has no field {name!r} at this revision")

    def put(self, message: str, fields: Iterable[Field], rules: Iterable[NotAllNull] | None = None) -> None:
        """Give a message other fields, and other rules; the history is wrong if two fields would have one name."""
        spec = self.message(message)
        evolved = attrs.evolve(spec, fields=tuple(fields), rules=spec.rules if rules is None else tuple(rules))
        names = [field.name for field in evolved.fields]
        for name in names:
            if not name.isidentifier() or name.startswith("_"):
                raise self.wrong(f"{message} cannot have had a field called {name!r}")
            if names.count(name) > 1:
                raise self.wrong(f"{message} had two fields called {name!r} before this revision")
        for rule in evolved.rules:
            if missing := sorted(set(rule.fields) - set(names)):
                raise self.wrong(f"a rule of {message} speaks of {missing}, and there are no such fields")
        self.messages[message] = evolved

    def change_field(self, message: str, name: str, change: Callable[[Field], Field]) -> None:
        """Put another field in the place of one."""
        found = self.field(message, name)
        fields = self.messages[message].fields
        self.put(message, (change(field) if field is found else field for field in fields))


# Tracebacks name it as users import it.
HistoryError.__module__ = f"{__name__.rpartition('.')[0]}.changes"
