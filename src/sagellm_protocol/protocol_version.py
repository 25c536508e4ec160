"""The version of the protocol's contract, how two peers agree on one, and which interfaces it freezes.

This is the coarse promise between peers. What each release writes on the wire is the business of the wire revisions.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs


@attrs.frozen(order=True)
class ProtocolVersion:
    """A version of the contract, ``major.minor``: ordered, hashable, and ``str()`` gives "0.1".

    A record within one process, not a message: on the wire a version is its text.
    """

    major: int
    """Grows with an incompatible change; peers of different major versions cannot talk."""
    minor: int
    """Grows with a compatible addition; a peer of a larger minor version understands the smaller ones."""

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @classmethod
    def parse(cls, text: str) -> "ProtocolVersion":
        """Read ``"MAJOR.MINOR"``. ValueError if ``text`` is not two integers with a dot between them."""
        try:
            major, minor = map(int, text.split("."))
        except ValueError:
            raise ValueError(f"a protocol version is MAJOR.MINOR, two integers such as '0.1', not {text!r}") from None
        return cls(major, minor)

    def is_compatible_with(self, other: "ProtocolVersion") -> bool:
        """Whether a peer of this version understands one of version ``other``: same major, no larger minor."""
        return self.major == other.major and self.minor >= other.minor


PROTOCOL_MAJOR: Final = 0
"""Major number of the version that this package speaks."""

PROTOCOL_MINOR: Final = 1
"""Minor number of the version that this package speaks."""

CURRENT_VERSION: Final = ProtocolVersion(PROTOCOL_MAJOR, PROTOCOL_MINOR)
"""The version that this package speaks."""

PROTOCOL_VERSION: Final = str(CURRENT_VERSION)
"""The version that this package speaks, as text."""

BACKWARD_COMPATIBLE_SINCE: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(
        (
            "Request",
            "Response",
            "Metrics",
            "StreamEvent",
            "ErrorCode",
            "Timestamps",
            "KVAllocateParams",
            "KVHandle",
            "KVEvictReason",
            "KVMigrateParams",
            "CommGroupInfo",
            "CollectiveRequest",
            "CollectiveResponse",
            "P2PSendRequest",
            "P2PRecvRequest",
            "CompressionConfig",
            "QuantizationConfig",
            "SparseConfig",
            "SpeculativeDecodingConfig",
            "KVPriority",
            "KVHookEvent",
            "KVHookPayload",
            "KVFreeParams",
            "KVEvictParams",
            "KVPrefetchParams",
        ),
        "0.1",
    )
)
"""Since which version each interface changes only in compatible ways, by the name of the interface."""

_COMPATIBLE_BUT_NOT_FROZEN = {"KVHookEvent", "KVPriority", "P2PRecvRequest", "P2PSendRequest"}
_STREAM_EVENTS = {"StreamEventStart", "StreamEventDelta", "StreamEventEnd"}

FROZEN_INTERFACES: Final = frozenset((BACKWARD_COMPATIBLE_SINCE.keys() - _COMPATIBLE_BUT_NOT_FROZEN) | _STREAM_EVENTS)
"""Interfaces that are frozen at ``CURRENT_VERSION``: those kept compatible, but for four, and each stream event by
its own name."""


def negotiate_version(client_version: str) -> ProtocolVersion:
    """Return the version to speak with a client of version ``client_version``: ``CURRENT_VERSION``, if that serves it.

    Raises ValueError if ``client_version`` is no version, or one that this package's version is not compatible with.
    """
    client = ProtocolVersion.parse(client_version)
    if not CURRENT_VERSION.is_compatible_with(client):
        raise ValueError(
            f"protocol version {client} is not supported: this peer speaks {CURRENT_VERSION}, "
            f"and serves {PROTOCOL_MAJOR}.x up to that"
        )
    return CURRENT_VERSION


def is_interface_frozen(interface_name: str) -> bool:
    """Whether the interface of that exact name (upper and lower case matter) is among the ``FROZEN_INTERFACES``."""
    return interface_name in FROZEN_INTERFACES


def get_interface_since_version(interface_name: str) -> str | None:
    """Since which version the interface of that exact name is kept compatible, as text; None if it is not."""
    return BACKWARD_COMPATIBLE_SINCE.get(interface_name)
