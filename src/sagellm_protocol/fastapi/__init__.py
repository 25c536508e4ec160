"""FastAPI over this protocol's codecs (the extra ``fastapi``): answers, bodies and errors.

Messages need none of it to be bodies, response models and parts of pydantic models: this is for other formats than
JSON, for older revisions, and for errors in the words of OpenAI or RFC 9457.
"""

from sagellm_protocol.model.exceptions import missing_extra

try:
    import fastapi as _fastapi  # noqa: F401
except ImportError as error:
    raise missing_extra("fastapi") from error

from sagellm_protocol.fastapi.bodies import body_of, described
from sagellm_protocol.fastapi.failures import Style, install_error_handlers
from sagellm_protocol.fastapi.refusals import Refusal
from sagellm_protocol.fastapi.replies import ProtocolResponse, Reply, replies

__all__ = [
    "ProtocolResponse",
    "Refusal",
    "Reply",
    "Style",
    "body_of",
    "described",
    "install_error_handlers",
    "replies",
]
