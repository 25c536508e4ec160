"""How a failure is reported: a code that programs branch on, and a text for people."""

from enum import Enum

from sagellm_protocol.handling import HANDLING, code_of
from sagellm_protocol.model import evolve, message
from sagellm_protocol.model.exceptions import ProtocolError


class ErrorCode(str, Enum):
    """Why something failed. Programs branch on the code; the KV cache package has finer codes of its own."""

    INVALID_ARGUMENT = "invalid_argument"
    """The request itself is wrong: a missing, malformed or contradictory value. Repeating it cannot help."""
    RESOURCE_EXHAUSTED = "resource_exhausted"
    """Not enough memory, KV cache, queue space or quota at the moment."""
    UNAVAILABLE = "unavailable"
    """The engine or a service it needs cannot be reached or is not ready."""
    DEADLINE_EXCEEDED = "deadline_exceeded"
    """The work was not finished in the time allowed for it."""
    NOT_IMPLEMENTED = "not_implemented"
    """The request is well formed, but this engine, backend or version cannot do what it asks."""
    KV_TRANSFER_FAILED = "kv_transfer_failed"
    """Moving KV cache between devices or engines failed, such as from prefill to decode."""
    COMM_TIMEOUT = "comm_timeout"
    """A collective or point-to-point operation did not complete within its timeout."""
    COMM_GROUP_INVALID = "comm_group_invalid"
    """The communication group is described inconsistently, such as by ranks that do not match its world size."""
    DISTRIBUTED_RUNTIME_ERROR = "distributed_runtime_error"
    """Distributed execution failed in a way that no other code names, such as the loss of a worker."""
    OPERATOR_NOT_FOUND = "operator_not_found"
    """No registered kernel implements the logical operator under the constraints asked for."""
    INVALID_OPERATOR_MAPPING = "invalid_operator_mapping"
    """The mapping of a logical operator to a kernel contradicts itself or the backend."""
    OPERATOR_REGISTRATION_FAILED = "operator_registration_failed"
    """A kernel could not be entered into the operator registry."""
    COMM_BACKEND_NOT_SUPPORTED = "comm_backend_not_supported"
    """The communication library asked for is not available on this device or in this build."""
    COMM_RANK_MISMATCH = "comm_rank_mismatch"
    """A rank is not part of its group, or the ranks disagree about the operation to run."""
    COMM_GROUP_NOT_FOUND = "comm_group_not_found"
    """No communication group has this id."""
    COMM_COLLECTIVE_FAILED = "comm_collective_failed"
    """A collective operation failed other than by timeout."""
    COMM_P2P_FAILED = "comm_p2p_failed"
    """A point-to-point send or receive failed other than by timeout."""
    KV_PREFETCH_FAILED = "kv_prefetch_failed"
    """KV cache could not be brought to the device ahead of its use."""
    KV_QOS_CONSTRAINT_VIOLATED = "kv_qos_constraint_violated"
    """A KV cache operation could not be done within its quality-of-service policy."""
    KV_PRIORITY_QUEUE_FULL = "kv_priority_queue_full"
    """The queue for KV cache operations of this priority takes no more."""
    COMPRESSION_NOT_SUPPORTED = "compression_not_supported"
    """The quantisation, sparsity or fusion asked for is not available for this model or device."""
    QUANTIZATION_CALIBRATION_FAILED = "quantization_calibration_failed"
    """Calibration did not yield usable quantisation parameters."""
    SPECULATIVE_DECODING_FAILED = "speculative_decoding_failed"
    """Drafting or verifying failed, such as for a draft model that does not fit the target model."""


@message
class Error:
    """One failure, as told to the caller in a ``Response``, a ``StreamEventEnd`` or the result of an operation."""

    code: ErrorCode
    """What kind of failure it is; the part that programs branch on."""
    message: str
    """What happened, for people and logs; its wording may change at any time."""
    retryable: bool | None = None
    """Whether the same request may succeed if sent again later; None where the sender does not know."""

    @property
    def http_status(self) -> int:
        """The HTTP status to answer with, 400 to 504."""
        return HANDLING[self.code].http

    @property
    def grpc_status(self) -> str:
        """The name of the gRPC status to answer with."""
        return HANDLING[self.code].grpc

    @property
    def may_be_retried(self) -> bool:
        """Whether the same request may succeed if sent again later: as the sender says, or else as the code does."""
        return HANDLING[self.code].retryable if self.retryable is None else self.retryable

    @classmethod
    def from_exception(
        cls, exception: BaseException, *, code: ErrorCode | None = None, message: str | None = None
    ) -> "Error":
        """A failure as the protocol's own message, so that an engine can answer with it.

        This library's own errors are told as :func:`error_of` tells them; of Python's, ``TimeoutError``,
        ``ConnectionError``, ``MemoryError`` and ``NotImplementedError`` have a code each, and all others are
        ``unavailable``, for which no request is to blame.

        Args:
            exception: what was raised.
            code: the code, where it is known better.
            message: the text, where that of the exception is not for whoever reads it.
        """
        if isinstance(exception, ProtocolError):
            told = error_of(exception)
        else:
            found = ErrorCode(code_of(exception))
            told = cls(
                code=found,
                message=str(exception) or type(exception).__name__,
                retryable=HANDLING[found].retryable,
            )
        if code is not None:
            told = evolve(told, code=code, retryable=HANDLING[code].retryable)
        return told if message is None else evolve(told, message=message)


def error_of(exception: ProtocolError) -> Error:
    """A failure as the protocol's own message, so that a server can answer with it.

    The code is ``invalid_argument`` where the peer sent what is wrong, and ``unavailable`` where this program built it:
    see :attr:`~sagellm_protocol.model.exceptions.ProtocolError.fault`. What there is not, such as a codec or a
    revision, is ``not_implemented``. ``retryable`` is false: the same data will fail again. The message is the text of
    the exception, which shows values.
    """
    handling = HANDLING[exception.code]
    return Error(code=ErrorCode(handling.code), message=str(exception), retryable=False)
