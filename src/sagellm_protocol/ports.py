"""The TCP ports that the services of the engine listen on, so that no service writes down another's number."""

from typing import ClassVar, Final, TypeAlias


class SageLLMPorts:
    """Default TCP port of each service. Deployments may choose others; several names may stand for one port."""

    SAGELLM_GATEWAY: ClassVar[int] = 8889
    """Gateway: the OpenAI-compatible HTTP interface that clients talk to."""
    SAGELLM_SERVE_PORT: ClassVar[int] = 8901
    """First inference service."""
    SAGELLM_ENGINE_PORT: ClassVar[int] = 8902
    """First engine, behind the inference service."""
    SAGELLM_SERVE_PORT_2: ClassVar[int] = 8903
    """Second inference service on the same host."""
    SAGELLM_ENGINE_PORT_2: ClassVar[int] = 8904
    """Second engine on the same host."""
    SAGELLM_EMBEDDING_PORT: ClassVar[int] = 8090
    """Embedding service."""
    SAGELLM_LEGACY_PORT: ClassVar[int] = 8001
    """Port of older deployments, for clients that still look there."""
    SAGELLM_DEFAULT: ClassVar[int] = SAGELLM_LEGACY_PORT
    """Another name of ``SAGELLM_LEGACY_PORT``."""
    GATEWAY_DEFAULT: ClassVar[int] = SAGELLM_GATEWAY
    """Another name of ``SAGELLM_GATEWAY``."""
    LLM_WSL_FALLBACK: ClassVar[int] = SAGELLM_SERVE_PORT
    """Where to look for the inference service under Windows Subsystem for Linux; ``SAGELLM_SERVE_PORT``."""
    BENCHMARK_LLM: ClassVar[int] = SAGELLM_SERVE_PORT
    """The inference service that benchmarks measure; ``SAGELLM_SERVE_PORT``."""
    EMBEDDING_DEFAULT: ClassVar[int] = SAGELLM_EMBEDDING_PORT
    """Another name of ``SAGELLM_EMBEDDING_PORT``."""


SagePorts: TypeAlias = SageLLMPorts
"""Short name of :class:`SageLLMPorts`."""

SAGELLM_GATEWAY_PORT: Final = SageLLMPorts.SAGELLM_GATEWAY
"""Default port of the gateway."""

SAGELLM_SERVE_PORT: Final = SageLLMPorts.SAGELLM_SERVE_PORT
"""Default port of the first inference service."""

SAGELLM_ENGINE_PORT: Final = SageLLMPorts.SAGELLM_ENGINE_PORT
"""Default port of the first engine."""

SAGELLM_EMBEDDING_PORT: Final = SageLLMPorts.SAGELLM_EMBEDDING_PORT
"""Default port of the embedding service."""
