"""What the engine keeps of each request."""

from dataclasses import dataclass, field
from typing import Optional

from pydantic import BaseModel, Field, field_validator
from sagellm_protocol import Request, Response, SamplingParams
from sagellm_protocol.types import Metrics


class TenantRequest(Request):  # planted: SLP401
    tenant: str = "default"
    model_config = {"validate_assignment": True}  # planted: SLP402

    @field_validator("tenant")
    def known_tenant(cls, value):  # planted: SLP402
        if not value:
            raise ValueError("a tenant is needed")
        return value


class LoggedRequest(Request):  # innocent: methods alone need no @message
    """Only methods."""

    def label(self) -> str:
        return f"{self.request_id}/{self.trace_id}"


class Limits(BaseModel):  # innocent: a pydantic model of the engine's own
    max_tokens: int = 256
    tags: list[str] = Field(default_factory=list)

    @field_validator("max_tokens")
    def positive(cls, value):  # innocent: a validator of the engine's own model
        return max(1, value)


@dataclass
class Slot:
    request: Request
    limits: Limits
    generated: list[int] = field(default_factory=list)
    response: Optional[Response] = None

    def push(self, token: int) -> None:
        self.generated.append(token)  # innocent: a list of the slot's own
        self.response = None  # innocent: the slot is no message

    def clip(self) -> None:
        self.request.max_tokens = min(self.request.max_tokens, self.limits.max_tokens)  # planted: SLP201

    def widen(self) -> None:
        self.limits.max_tokens *= 2  # innocent: a pydantic model of the engine's own
        self.limits.tags.append("wide")  # innocent: its list too

    def retry_of(self) -> Request:
        return self.request.model_copy(update={"request_id": self.request.request_id + "-r"})  # planted: SLP101


def with_defaults(request: Request) -> Request:
    if request.sampling_params is None:
        request.sampling_params = SamplingParams(temperature="0.7")  # planted: SLP201 SLP503
    return request


def empty_metrics() -> Metrics:
    return Metrics(ttft_ms=0, throughput_tps=0, peak_mem_mb=0, error_rate=0)  # innocent: ints are taken for floats
