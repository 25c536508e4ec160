"""Hypothesis strategies for those who use the protocol: messages, and payloads as any revision writes them.

``messages(Request)`` draws instances, ``payloads("types.Request", "0.4.0.8")`` what a release of then may have written,
``values(kind)`` what a field of some type may hold. Needs the extra ``testing``.
"""

from sagellm_protocol.model.exceptions import missing_extra

try:
    import hypothesis as _hypothesis  # noqa: F401
except ImportError as _error:
    raise missing_extra("testing") from _error

from sagellm_protocol.testing.strategies import messages, payloads, values

__all__ = ["messages", "payloads", "values"]
