"""The gateway."""

from sagellm_protocol import ChatCompletionRequest, ChatMessage

__all__ = ["ChatCompletionRequest", "ChatMessage"]
