"""What type checkers say of a message class that is deprecated: each use has an ``ignore`` on it, and nothing else has.

mypy says so where ``enable_error_code`` has ``deprecated``, pyright where ``reportDeprecated`` is on; editors strike
the name through by themselves. PEP 702 knows classes and functions alone: of a field no checker says anything.
"""
# mypy: enable-error-code="deprecated"
# pyright: reportDeprecated=error, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import sys

from sagellm_protocol import codecs, evolve
from sagellm_protocol.model import message

if sys.version_info >= (3, 13):
    from warnings import deprecated
else:
    from typing_extensions import deprecated


@deprecated("use New")
@message
class Old:
    size: int = 0


@message
@deprecated("use New", category=None)
class Quiet:
    size: int = 0


@message
class New:
    size: int = 0


old = Old(size=1)  # type: ignore[deprecated]
quiet = Quiet(size=1)  # type: ignore[deprecated]
new = New(size=1)


def taken(given: Old) -> int:  # type: ignore[deprecated]
    return given.size


# It is still a message, with its fields
evolve(old, size=2)
codecs.get("json").decode(b"{}", Quiet).size  # type: ignore[deprecated]
Old(colour="red")  # type: ignore[call-arg, deprecated]
