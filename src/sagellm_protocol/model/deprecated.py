"""What is deprecated of messages and enumerations: histories know, which classes know nothing of."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Protocol
from weakref import WeakKeyDictionary, ref


class Teller(Protocol):
    """Knows what is deprecated."""

    def deprecated_in(self, cls: type) -> Mapping[str, str]:
        """Sentences by field or member, and under an empty name that on the class itself."""
        ...


_TELLERS: WeakKeyDictionary[object, ref[Teller]] = WeakKeyDictionary()
"""By the catalog that each is of."""
_LOCK = threading.Lock()


def ask_from_now_on(catalog: object, teller: Teller) -> None:
    """Ask it of every class that is documented, as long as somebody else holds it.

    The first of a catalog is asked, its own: one made of it later, to try or to compare, changes nobody's help.
    """
    with _LOCK:
        first = _TELLERS.get(catalog)
        if first is None or first() is None:
            _TELLERS[catalog] = ref(teller)


def deprecated_in(cls: type) -> dict[str, str]:
    """What is deprecated of a class today: sentences by field or member, and under an empty name that on the class."""
    with _LOCK:
        asked = [teller for held in _TELLERS.values() if (teller := held()) is not None]
    found = {name: text for teller in asked for name, text in teller.deprecated_in(cls).items()}
    if said := vars(cls).get("__deprecated__"):
        found.setdefault("", f"Deprecated: {said}")
    return found
