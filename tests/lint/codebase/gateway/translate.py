"""Between OpenAI's messages and the engine's."""

import json
from typing import Any

import pydantic
from pydantic import BaseModel, TypeAdapter, ValidationError
from sagellm_protocol import Error, Request
from sagellm_protocol.types import *

from gateway import ChatCompletionRequest, ChatMessage


class Settings(BaseModel):
    model: str = "default"
    stop: list[str] = []


def parse(body: bytes) -> ChatCompletionRequest | None:
    try:
        return ChatCompletionRequest.model_validate_json(body)  # planted: SLP101
    except ValidationError:  # planted: SLP601
        return None


def settings_of(text: str) -> Settings | None:
    try:
        return Settings.model_validate_json(text)  # innocent: a model of the gateway's own
    except ValidationError:  # innocent: which raises pydantic's error
        return None


def checked(body: dict) -> Request | None:
    try:
        return Request(**body)
    except ValueError:  # innocent: ours is a ValueError
        return None


def to_engine(chat: ChatCompletionRequest, settings: Settings) -> Request:
    messages = [message for message in chat.messages]
    if messages and messages[0].role == "system":
        messages.pop(0)  # innocent: a list that was just built
    prompt = "\n".join(message.content for message in messages)
    return Request(
        request_id="r",
        trace_id="t",
        model=chat.model or settings.model,
        prompt=prompt,
        max_tokens=chat.max_tokens or "128",
        stream="true",  # planted: SLP503
        user=None,  # planted: SLP501
    )


def stops(chat: ChatCompletionRequest) -> list[str]:
    stop = chat.stop
    if isinstance(stop, str):  # innocent: a text stays a text
        return [stop]
    if isinstance(stop, list):  # planted: SLP301
        return stop
    return []


def merged(chat: ChatCompletionRequest, settings: Settings) -> list[str]:
    return settings.stop + ["\n"]  # innocent: a list of the gateway's own


def system(chat: ChatCompletionRequest, text: str) -> None:
    chat.messages.insert(0, ChatMessage(role="system", content=text))  # planted: SLP202


def first(chat: ChatCompletionRequest) -> ChatMessage:
    message = chat.messages[0]
    message.content = message.content.strip()  # planted: SLP201
    return message


def dump(value: Any) -> Any:
    if hasattr(value, "model_dump"):  # planted: SLP102
        return value.model_dump()
    if isinstance(value, BaseModel):  # planted: SLP302
        return value.dict()
    return value


def dump_settings(settings: Settings) -> dict:
    return settings.model_dump() if isinstance(settings, BaseModel) else {}  # innocent: a model of the gateway's own


def as_pairs(error: Error) -> dict:
    return dict(error)  # planted: SLP801


def as_json(error: Error) -> str:
    return json.dumps(error.__dict__)  # planted: SLP802


def read_all(lines: list[str]) -> list[Request]:
    adapter = TypeAdapter(list[Request])
    found = adapter.validate_python([json.loads(line) for line in lines])
    found.sort(key=lambda request: request.max_tokens)  # innocent: a list that was just read
    for request in found:
        request.stream = False  # planted: SLP201
    return found


def copied(error: Error) -> dict:
    known = error.model_dump()  # planted: SLP101
    return known.copy()  # innocent: a dict that was just made


def is_metrics(value: object) -> bool:
    return isinstance(value, Metrics)  # innocent: a test for a message


def fields() -> list[str]:
    return sorted(Metrics.model_fields)  # planted: SLP101


def numbers(metrics: Metrics) -> list[float]:
    return [value for _, value in metrics if isinstance(value, float)]  # planted: SLP801


def is_bad(error: Exception) -> bool:
    return isinstance(error, pydantic.ValidationError)  # innocent: of an error of which nothing is known
