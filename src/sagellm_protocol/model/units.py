"""Named field types: a Python type, its range and its unit, written down once.

Each name is an ``Annotated`` type. The bounds (``annotated_types``) and the :class:`Unit` in it are what the
constructor checks, what the JSON Schema says and what the reference shows. ``Positive...`` names exclude zero;
``Any...`` names have a unit and no range, as published.
"""

from typing import Annotated

import attrs
from annotated_types import Ge, Gt, Le


@attrs.frozen
class Unit:
    """The unit a number is measured in, as a symbol: ``Unit("ms")``."""

    symbol: str


# Time
Milliseconds = Annotated[float, Ge(0), Unit("ms")]
PositiveMilliseconds = Annotated[float, Gt(0), Unit("ms")]
AnyMilliseconds = Annotated[float, Unit("ms")]
Seconds = Annotated[float, Ge(0), Unit("s")]
UnixTime = Annotated[float, Ge(0), Unit("s since 1970-01-01T00:00Z")]
AnyUnixTime = Annotated[float, Unit("s since 1970-01-01T00:00Z")]
WholeUnixTime = Annotated[int, Unit("s since 1970-01-01T00:00Z")]

# Text and its tokens
Tokens = Annotated[int, Ge(0), Unit("tokens")]
PositiveTokens = Annotated[int, Gt(0), Unit("tokens")]
AnyTokens = Annotated[int, Unit("tokens")]
TokensPerSecond = Annotated[float, Ge(0), Unit("tokens/s")]
TokenIndex = Annotated[int, Ge(0), Unit("token index")]
TokenId = Annotated[int, Ge(0)]
LogProbability = Annotated[float, Unit("nats")]
Byte = Annotated[int, Ge(0), Le(255)]

# Memory and links
Bytes = Annotated[int, Ge(0), Unit("B")]
PositiveBytes = Annotated[int, Gt(0), Unit("B")]
AnyBytes = Annotated[int, Unit("B")]
Megabytes = Annotated[int, Ge(0), Unit("MB")]
AnyMegabytes = Annotated[int, Unit("MB")]
FractionalMegabytes = Annotated[float, Ge(0), Unit("MB")]
GigabitsPerSecond = Annotated[float, Ge(0), Unit("Gbps")]
MegabitsPerSecond = Annotated[float, Ge(0), Unit("Mbps")]

# Shares
Ratio = Annotated[float, Ge(0), Le(1)]
AnyRatio = Annotated[float, Unit("ratio")]
Percent = Annotated[float, Ge(0), Unit("%")]
CompressionRatio = Annotated[float, Ge(1), Unit("original size / compressed size")]

# Counting and places
Count = Annotated[int, Ge(0)]
PositiveCount = Annotated[int, Ge(1)]
Size = Annotated[int, Gt(0)]
Index = Annotated[int, Ge(0)]
Rank = Annotated[int, Ge(0)]
Bits = Annotated[int, Ge(2), Le(32), Unit("bits")]

# Sampling
Temperature = Annotated[float, Ge(0), Le(2)]
TopP = Annotated[float, Gt(0), Le(1)]
TopK = Annotated[int, Ge(-1)]
Penalty = Annotated[float, Ge(-2), Le(2)]
LogitBias = Annotated[float, Ge(-100), Le(100)]
NonNegative = Annotated[float, Ge(0)]
AtLeastOne = Annotated[float, Ge(1)]
DraftTokens = Annotated[int, Ge(1), Le(64), Unit("tokens")]
