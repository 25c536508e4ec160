"""Hypothesis strategies for those who use the protocol: messages, and payloads as any revision writes them.

``messages(Request, stream=True)`` draws instances, ``payloads("types.Request", "0.4.0.8")`` what a release of then
may have written, ``nearly_valid("Request")`` payloads with one violation, ``values(kind)`` what a field of some type
may hold. ``histories()`` draws lists of revisions with steps of every kind, ``conversion_laws(history)`` tries all
conversions of a history on payloads. ``core()`` says whether the compiled core is in use, or Python alone. Where the
package is installed, Hypothesis' own ``from_type`` and ``builds`` know every message. Needs the extra ``testing``.
"""

from sagellm_protocol.model.exceptions import missing_extra

try:
    import hypothesis as _hypothesis  # noqa: F401
except ImportError as _error:
    raise missing_extra("testing") from _error

from sagellm_protocol.model.native import in_use as core
from sagellm_protocol.testing.histories import histories
from sagellm_protocol.testing.laws import conversion_laws
from sagellm_protocol.testing.nearly import nearly_valid
from sagellm_protocol.testing.strategies import messages, payloads, values

__all__ = ["conversion_laws", "core", "histories", "messages", "nearly_valid", "payloads", "values"]
