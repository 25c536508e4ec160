"""Communication between the ranks of a distributed engine: groups, collectives, point-to-point, topology."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from sagellm_protocol.model import EMPTY, message, rule
from sagellm_protocol.model.units import (
    Bytes,
    Count,
    GigabitsPerSecond,
    Milliseconds,
    PositiveBytes,
    PositiveMilliseconds,
    Rank,
    Size,
)


class CommBackendType(str, Enum):
    """Library that carries the communication."""

    NCCL = "nccl"
    """NVIDIA Collective Communications Library, between NVIDIA GPUs."""
    HCCL = "hccl"
    """Huawei Collective Communication Library, between Ascend devices."""
    GLOO = "gloo"
    """Gloo, between hosts over TCP; for CPU tensors."""
    MPI = "mpi"
    """Any implementation of the Message Passing Interface."""
    CUSTOM = "custom"
    """Another library; ``metadata`` says which."""


class ReduceOp(str, Enum):
    """How the values of all ranks are combined, element by element."""

    SUM = "sum"
    """Sum."""
    MAX = "max"
    """Maximum."""
    MIN = "min"
    """Minimum."""
    PROD = "prod"
    """Product."""
    BAND = "band"
    """Bitwise and; integers only."""
    BOR = "bor"
    """Bitwise or; integers only."""
    BXOR = "bxor"
    """Bitwise exclusive or; integers only."""
    AVG = "avg"
    """Sum divided by the number of ranks."""


class CollectiveOp(str, Enum):
    """Communication pattern within a group. ``send`` and ``recv`` involve two ranks, all others the whole group."""

    ALL_REDUCE = "all_reduce"
    """Combine the tensors of all ranks; every rank gets the result."""
    ALL_GATHER = "all_gather"
    """Concatenate the tensors of all ranks; every rank gets the result."""
    REDUCE_SCATTER = "reduce_scatter"
    """Combine the tensors of all ranks; every rank gets its own slice of the result."""
    BROADCAST = "broadcast"
    """Copy the root's tensor to all ranks."""
    REDUCE = "reduce"
    """Combine the tensors of all ranks; only the root gets the result."""
    ALL_TO_ALL = "all_to_all"
    """Every rank sends a different slice to every other, as in expert parallelism."""
    BARRIER = "barrier"
    """Wait until all ranks have arrived; moves no data."""
    SEND = "send"
    """Send a tensor to one other rank."""
    RECV = "recv"
    """Receive a tensor from one other rank."""


class CommStatus(str, Enum):
    """How far an operation has come. The last four are final."""

    PENDING = "pending"
    """Accepted, not started: waiting for a stream or for other ranks."""
    IN_PROGRESS = "in_progress"
    """Data is moving."""
    COMPLETED = "completed"
    """Done; the result may be used."""
    FAILED = "failed"
    """Ended by an error; buffers hold no usable result."""
    TIMEOUT = "timeout"
    """Given up since its timeout passed; buffers hold no usable result."""
    CANCELLED = "cancelled"
    """Withdrawn by the caller before it was done."""


class TopologyType(str, Enum):
    """Shape of the network between the devices, or of the algorithm laid over it."""

    RING = "ring"
    """Each rank is linked to two neighbours; best for large tensors."""
    TREE = "tree"
    """Ranks form a tree, so that latency grows with its depth; best for small tensors."""
    MESH = "mesh"
    """Ranks form a grid and are linked to their neighbours in it."""
    HYBRID = "hybrid"
    """One shape within a node and another between nodes."""
    FULLY_CONNECTED = "fully_connected"
    """Every rank is linked to every other directly."""


@message(
    rules=(
        rule(
            "ranks-of-all-members",
            ("ranks", "world_size"),
            "as many as world_size",
            lambda it: len(it.ranks) == it.world_size,
            why="Both tell of the members of the group.",
        ),
        rule(
            "one-rank-a-member",
            ("ranks",),
            "different from each other",
            lambda it: len(set(it.ranks)) == len(it.ranks),
            why="A rank is one member, and not another.",
        ),
        rule(
            "root-is-a-member",
            ("root_rank", "ranks", "world_size"),
            "below world_size, or one of ranks",
            lambda it: it.root_rank < it.world_size or it.root_rank in it.ranks,
            why="A root takes part in the operation, whether ranks are counted in the group or in all.",
        ),
    )
)
class CommGroupInfo:
    """A set of ranks that communicate with each other; told by the coordinator to each member when it forms."""

    group_id: str
    """Identifies the group in every later operation."""
    backend: CommBackendType
    """Library that all members use."""
    world_size: Size
    """Number of members, at least 1."""
    ranks: Sequence[int]
    """Global ranks of the members, in the order of their rank within the group."""
    root_rank: Rank = 0
    """Rank that is root where an operation names none, from 0."""
    timeout_ms: PositiveMilliseconds = 30000.0
    """How long an operation may take where it sets no timeout of its own, in ms, above 0."""
    metadata: Mapping[str, Any] = EMPTY
    """Free JSON about the group, such as an address to meet at."""


@message
class CollectiveRequest:
    """Start of a collective operation; each rank of the group gives it to its communication backend."""

    request_id: str
    """Identifies the operation; its response repeats it."""
    trace_id: str
    """Identifies the trace that the operation belongs to."""
    group_id: str
    """Group to communicate in (``CommGroupInfo.group_id``)."""
    op: CollectiveOp
    """Operation to run; the same on all ranks."""
    reduce_op: ReduceOp = ReduceOp.SUM
    """How values are combined, for the operations that reduce; ignored by the others."""
    root_rank: Rank | None = None
    """Source of a broadcast or destination of a reduce, from 0; None takes the group's ``root_rank``."""
    async_op: bool = False
    """Return at once and complete later; false waits for the operation to end."""
    timeout_ms: PositiveMilliseconds | None = None
    """How long it may take, in ms, above 0; None takes the group's ``timeout_ms``."""
    metadata: Mapping[str, Any] = EMPTY
    """Free JSON about the operation."""


_WENT_WRONG = frozenset((CommStatus.FAILED, CommStatus.TIMEOUT, CommStatus.CANCELLED))


_BARRIER_MOVES_NOTHING = rule(
    "barrier-moves-nothing",
    ("bytes_transferred", "op"),
    "0 where op is barrier",
    lambda it: it.bytes_transferred == 0 or it.op is not CollectiveOp.BARRIER,
    why="A barrier only waits.",
)


_ERROR_OF_FAILURES = rule(
    "error-of-failures",
    ("error_message", "status"),
    "None where status is pending, in_progress or completed",
    lambda it: it.error_message is None or it.status in _WENT_WRONG,
    why="Nothing went wrong, or not yet.",
)


@message(
    rules=(
        _ERROR_OF_FAILURES,
        rule(
            "nothing-moved-while-pending",
            ("bytes_transferred", "status"),
            "0 where status is pending",
            lambda it: it.bytes_transferred == 0 or it.status is not CommStatus.PENDING,
            why="Pending means not started.",
        ),
        _BARRIER_MOVES_NOTHING,
    )
)
class CollectiveResponse:
    """How a collective operation went on one rank; sent by the communication backend to the one who asked for it."""

    request_id: str
    """``CollectiveRequest.request_id`` of the operation."""
    trace_id: str
    """``CollectiveRequest.trace_id`` of the operation."""
    op: CollectiveOp
    """The operation that was run."""
    status: CommStatus
    """How far it has come."""
    elapsed_ms: Milliseconds = 0.0
    """Time from start to now or to the end, in ms, at least 0."""
    bytes_transferred: Bytes = 0
    """Bytes that this rank has sent and received, at least 0."""
    error_message: str | None = None
    """What went wrong, for people and logs; None if nothing did."""
    metadata: Mapping[str, Any] = EMPTY
    """Free JSON about the result."""


_ANOTHER_RANK = rule(
    "another-rank",
    ("dst_rank", "src_rank"),
    "another than src_rank",
    lambda it: it.dst_rank != it.src_rank,
    why="One rank sends to one other.",
)


@message(rules=(_ANOTHER_RANK,))
class P2PSendRequest:
    """Send of one tensor to one other rank; matches the ``P2PRecvRequest`` of the same group, ranks and tag."""

    request_id: str
    """Identifies the send; its response repeats it."""
    trace_id: str
    """Identifies the trace that the send belongs to."""
    group_id: str
    """Group to communicate in (``CommGroupInfo.group_id``)."""
    src_rank: Rank
    """Rank that sends, from 0."""
    dst_rank: Rank
    """Rank that receives, from 0."""
    tag: Count = 0
    """Tells apart several messages between the same two ranks, at least 0."""
    nbytes: PositiveBytes
    """Size of the data, in bytes, at least 1."""
    async_op: bool = False
    """Return at once and complete later; false waits until the buffer may be used again."""
    timeout_ms: PositiveMilliseconds | None = None
    """How long it may take, in ms, above 0; None takes the group's ``timeout_ms``."""
    metadata: Mapping[str, Any] = EMPTY
    """Free JSON about the send."""


@message(
    rules=(
        _ERROR_OF_FAILURES,
        rule(
            "nothing-moved-while-pending",
            ("bytes_sent", "status"),
            "0 where status is pending",
            lambda it: it.bytes_sent == 0 or it.status is not CommStatus.PENDING,
            why="Pending means not started.",
        ),
    )
)
class P2PSendResponse:
    """How a send went; from the communication backend to the one who asked for it."""

    request_id: str
    """``P2PSendRequest.request_id`` of the send."""
    trace_id: str
    """``P2PSendRequest.trace_id`` of the send."""
    status: CommStatus
    """How far it has come."""
    elapsed_ms: Milliseconds = 0.0
    """Time from start to now or to the end, in ms, at least 0."""
    bytes_sent: Bytes = 0
    """Bytes that have been sent, at least 0."""
    error_message: str | None = None
    """What went wrong, for people and logs; None if nothing did."""


@message(rules=(_ANOTHER_RANK,))
class P2PRecvRequest:
    """Receipt of one tensor from one other rank; matches the ``P2PSendRequest`` of the same group, ranks and tag."""

    request_id: str
    """Identifies the receipt; its response repeats it."""
    trace_id: str
    """Identifies the trace that the receipt belongs to."""
    group_id: str
    """Group to communicate in (``CommGroupInfo.group_id``)."""
    src_rank: Rank
    """Rank that sends, from 0."""
    dst_rank: Rank
    """Rank that receives, from 0."""
    tag: Count = 0
    """Tells apart several messages between the same two ranks, at least 0."""
    expected_nbytes: PositiveBytes
    """Size of the data that is expected, in bytes, at least 1."""
    async_op: bool = False
    """Return at once and complete later; false waits until the data is there."""
    timeout_ms: PositiveMilliseconds | None = None
    """How long it may take, in ms, above 0; None takes the group's ``timeout_ms``."""
    metadata: Mapping[str, Any] = EMPTY
    """Free JSON about the receipt."""


@message(
    rules=(
        _ERROR_OF_FAILURES,
        rule(
            "nothing-moved-while-pending",
            ("bytes_received", "status"),
            "0 where status is pending",
            lambda it: it.bytes_received == 0 or it.status is not CommStatus.PENDING,
            why="Pending means not started.",
        ),
    )
)
class P2PRecvResponse:
    """How a receipt went; from the communication backend to the one who asked for it."""

    request_id: str
    """``P2PRecvRequest.request_id`` of the receipt."""
    trace_id: str
    """``P2PRecvRequest.trace_id`` of the receipt."""
    status: CommStatus
    """How far it has come."""
    elapsed_ms: Milliseconds = 0.0
    """Time from start to now or to the end, in ms, at least 0."""
    bytes_received: Bytes = 0
    """Bytes that have been received, at least 0."""
    error_message: str | None = None
    """What went wrong, for people and logs; None if nothing did."""


def _is_bytes_over_time(it: "CommOperationMetrics") -> bool:
    if not it.bandwidth_gbps or not it.elapsed_ms:
        return True
    rate = it.bytes_transferred * 8 / it.elapsed_ms / 1e6  # bits a millisecond are 1e-6 Gbit/s
    return abs(it.bandwidth_gbps - rate) <= max(0.05 * rate, 0.01)


@message(
    rules=(
        rule(
            "bandwidth-is-bytes-over-time",
            ("bandwidth_gbps", "bytes_transferred", "elapsed_ms"),
            "bytes_transferred over elapsed_ms, give or take a twentieth or 0.01 Gbit/s, whichever is more",
            _is_bytes_over_time,
            why="That is what it measures; 0 is not measured.",
        ),
        _BARRIER_MOVES_NOTHING,
    )
)
class CommOperationMetrics:
    """What one communication operation cost on one rank; sent by the communication backend to monitoring."""

    op: CollectiveOp
    """The operation measured."""
    group_id: str
    """Group that it ran in."""
    elapsed_ms: Milliseconds
    """Time from start to end, in ms, at least 0."""
    bytes_transferred: Bytes
    """Bytes that this rank sent and received, at least 0."""
    bandwidth_gbps: GigabitsPerSecond = 0.0
    """``bytes_transferred`` over ``elapsed_ms``, in Gbit/s, at least 0; 0 where not measured."""
    bus_bandwidth_gbps: GigabitsPerSecond = 0.0
    """Algorithm bandwidth scaled to the load on the links, so that group sizes compare, in Gbit/s, at least 0."""
    algo_bandwidth_gbps: GigabitsPerSecond = 0.0
    """Size of the tensor over the elapsed time, as the caller sees it, in Gbit/s, at least 0."""


@message
class CommTopologyDescriptor:
    """How the devices of a deployment are linked; lets the planner choose algorithms and parallel layouts."""

    topology_type: TopologyType
    """Shape of the network."""
    num_nodes: Size
    """Number of hosts, at least 1."""
    gpus_per_node: Size = 1
    """Accelerators in each host, at least 1, of whatever make."""
    intra_node_bandwidth_gbps: GigabitsPerSecond = 0.0
    """Bandwidth between two devices of one host, in Gbit/s, at least 0; 0 where unknown."""
    inter_node_bandwidth_gbps: GigabitsPerSecond = 0.0
    """Bandwidth between two hosts, in Gbit/s, at least 0; 0 where unknown."""
    backend: CommBackendType
    """Library that carries the communication."""
    metadata: Mapping[str, Any] = EMPTY
    """Free JSON about the topology."""
