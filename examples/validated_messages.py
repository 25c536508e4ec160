"""Messages with checks of their own: validators, an argument by another name, and a secret that is shown nowhere.

python examples/validated_messages.py
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from sagellm_protocol import ValidationError, codecs
from sagellm_protocol.model import field, message


def power_of_two(instance: Any, attribute: attrs.Attribute[int], value: int) -> None:
    """What the allocator wants of a size."""
    if value < 1 or value & (value - 1):
        raise ValueError("no power of two")


@message
class Pool:
    """Memory that a node lends."""

    block_size: int = field(validator=power_of_two)
    """Tokens of one block."""
    blocks: int = field(validator=attrs.validators.gt(0), alias="count")
    """How many there are. The constructor calls them ``count``, the wire does not."""
    token: str = field(repr=False)
    """Lets a client in."""
    reserved: Sequence[int] = ()
    """Blocks that nobody gets."""

    def __attrs_post_init__(self) -> None:
        if any(block >= self.blocks for block in self.reserved):
            raise ValueError("a reserved block that is not there")


def main() -> None:
    """Build one, send it, and see two that are refused."""
    pool = Pool(block_size=16, count=8, token="sesame")
    json = codecs.get("json")
    print(pool)
    print(json.encode(pool).decode())
    print(verdict(b'{"block_size":12,"blocks":0,"token":5}'))
    print(verdict(b'{"block_size":16,"blocks":2,"token":"","reserved":[7]}'))


def verdict(wire: bytes) -> Pool | str:
    """A pool off the wire, or what is wrong with it."""
    try:
        return codecs.get("json").decode(wire, Pool)
    except ValidationError as error:
        return str(error)


if __name__ == "__main__":
    main()
