"""What clients ask for, as requests to an engine, and back."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sagellm_protocol import ErrorCode, Loss, Request, bridges, codecs, evolve
from sagellm_protocol.bridges import LossyBridgeError
from sagellm_protocol.history.lossy import steps_of
from sagellm_protocol.model import to_plain
from sagellm_protocol.model.exceptions import OptionError, ValidationError
from sagellm_protocol.model.spec import spec_of
from sagellm_protocol.openai_types import ChatCompletionRequest, CompletionRequest
from sagellm_protocol.sampling import SamplingParams
from sagellm_protocol.testing import messages

TURNS = [{"role": "user", "content": [{"type": "text", "text": "x"}]}]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"default": None}}}]
FORMAT = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}


def chat(**fields: Any) -> ChatCompletionRequest:
    return ChatCompletionRequest(**{"model": "m", "messages": TURNS, "max_tokens": 8, **fields})


def completion(**fields: Any) -> CompletionRequest:
    return CompletionRequest(**{"model": "m", "prompt": "x", "max_tokens": 8, **fields})


def asked(**fields: Any) -> Request:
    return Request(**{"request_id": "r", "trace_id": "t", "model": "m", "max_tokens": 8, **fields})


@pytest.mark.parametrize(
    "bridge", bridges.BRIDGES.values(), ids=lambda it: f"{it.source.__name__} {it.target.__name__}"
)
def test_every_field_has_a_row_and_every_row_leads_to_a_field(bridge: bridges.Bridge[Any]) -> None:
    fields = {field.name for field in spec_of(bridge.source).held}
    assert {steps_of(row.field)[0] for row in bridge.rows if row.field} == fields
    assert {steps_of(row.to)[0] for row in bridge.rows if row.to} <= {
        field.name for field in spec_of(bridge.target).held
    }
    for row in bridge.rows:
        assert row.to or row.lost
        assert row.lost or row.when is None


THERE: dict[str, tuple[Any, dict[str, Any]]] = {
    "turns": (chat(), {"messages": chat().messages, "prompt": "", "model": "m", "max_tokens": 8, "stream": False}),
    "nulls": (
        chat(temperature=None, presence_penalty=None, frequency_penalty=None, stream=None, n=None),
        {"temperature": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stream": False},
    ),
    "as they are": (
        chat(temperature=0.5, top_p=0.5, seed=3, logit_bias={"1": 2.0}, presence_penalty=1.0, stream=True),
        {
            "temperature": 0.5,
            "top_p": 0.5,
            "seed": 3,
            "logit_bias": {"1": 2.0},
            "presence_penalty": 1.0,
            "stream": True,
        },
    ),
    "the most probable token alone": (chat(top_p=0), {"top_p": 1e-9}),
    "one text": (chat(stop="x"), {"stop": ("x",)}),
    "texts": (completion(stop=["x", "y"]), {"stop": ("x", "y")}),
    "the newer limit": (chat(max_tokens=None, max_completion_tokens=9), {"max_tokens": 9}),
    "both limits alike": (chat(max_tokens=9, max_completion_tokens=9), {"max_tokens": 9}),
    "the gateway's limit": (chat(max_tokens=None), {"max_tokens": 77}),
    "log-probabilities": (chat(logprobs=True), {"logprobs": 0}),
    "alternatives": (chat(logprobs=True, top_logprobs=3), {"logprobs": 3}),
    "no log-probabilities": (chat(logprobs=False), {"logprobs": None}),
    "alternatives of a completion": (completion(logprobs=0), {"logprobs": 0}),
    "tools": (
        chat(tools=TOOLS, tool_choice={"type": "function", "function": {"name": "f"}}, response_format=FORMAT),
        {
            "tools": tuple(TOOLS),
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "response_format": FORMAT,
        },
    ),
    "a choice in a word": (chat(tools=TOOLS, tool_choice="required"), {"tool_choice": "required"}),
    "what the engine may heed": (
        chat(
            user="u",
            metadata={"a": "b"},
            reasoning_effort="low",
            prediction={"content": [{"type": "text", "text": "x"}]},
            prompt_cache_options={"mode": "explicit"},
        ),
        {
            "metadata": {
                "openai": {
                    "user": "u",
                    "metadata": {"a": "b"},
                    "reasoning_effort": "low",
                    "prediction": {"type": "content", "content": ({"type": "text", "text": "x"},)},
                    "prompt_cache_options": {"mode": "explicit"},
                }
            }
        },
    ),
    "nothing to heed": (chat(), {"metadata": None}),
    "a text": (completion(), {"prompt": "x", "prompt_token_ids": None, "messages": None}),
    "a list of one text": (completion(prompt=["x"]), {"prompt": "x", "prompt_token_ids": None}),
    "token ids": (completion(prompt=[1, 2]), {"prompt": "", "prompt_token_ids": (1, 2)}),
    "a list of such a list": (completion(prompt=[[1, 2]]), {"prompt": "", "prompt_token_ids": (1, 2)}),
    "from nothing": (completion(prompt=None), {"prompt": "", "prompt_token_ids": None}),
    "an empty list": (completion(prompt=[]), {"prompt": "", "prompt_token_ids": ()}),
    "the gateway's business": (chat(stream=True, stream_options={"include_usage": True}, store=True), {"stream": True}),
    "what is so in any case": (
        chat(parallel_tool_calls=True, modalities=["text"], n=1, tools=TOOLS),
        {"tools": tuple(TOOLS)},
    ),
    "what a completion is in any case": (completion(best_of=1, echo=False, n=1), {"prompt": "x"}),
}


@pytest.mark.parametrize(("body", "fields"), THERE.values(), ids=THERE)
def test_what_becomes_of_what_a_client_asks_for(body: Any, fields: dict[str, Any]) -> None:
    request = bridges.to_request(body, request_id="r", max_tokens=77)
    assert {name: getattr(request, name) for name in fields} == fields
    codecs.get("json").encode(request)


def test_which_trace_it_is() -> None:
    assert bridges.to_request(chat(), request_id="r").trace_id == "r"
    assert bridges.to_request(chat(trace_id="c"), request_id="r").trace_id == "c"
    assert bridges.to_request(chat(trace_id="c"), request_id="r", trace_id="t").trace_id == "t"


LOST: dict[str, tuple[Any, dict[str, Any]]] = {
    "n": (chat(n=2), {}),
    "max_tokens": (chat(max_tokens=3, max_completion_tokens=9), {"max_tokens": 9}),
    "top_logprobs": (chat(top_logprobs=3), {"logprobs": None}),
    "parallel_tool_calls": (chat(tools=TOOLS, parallel_tool_calls=False), {}),
    "functions": (chat(functions=[{"name": "f"}]), {"tools": None}),
    "function_call": (chat(function_call="auto"), {}),
    "modalities": (chat(modalities=["text", "audio"]), {}),
    "audio": (chat(audio={"voice": "v", "format": "wav"}), {}),
    "web_search_options": (chat(web_search_options={}), {}),
    "prompt": (completion(prompt=["x", "y"]), {"prompt": "x"}),
    "several lists of token ids": (completion(prompt=[[1], [2]]), {"prompt_token_ids": (1,)}),
    "no tokens at all": (completion(max_tokens=0), {"max_tokens": 1}),
    "best_of": (completion(best_of=2), {}),
    "echo": (completion(echo=True), {}),
    "suffix": (completion(suffix="y"), {}),
}


@pytest.mark.parametrize(("body", "fields"), LOST.values(), ids=LOST)
def test_what_a_request_cannot_say_is_told(body: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(LossyBridgeError) as caught:
        bridges.to_request(body, request_id="r")
    (loss,) = caught.value.losses
    assert (loss,) == tuple(found for found in bridges.losses(body, Request) if not found.droppable)
    assert caught.value.fault == "remote"
    assert caught.value.to_error().code is ErrorCode.NOT_IMPLEMENTED
    assert bridges.error(caught.value).status == 400
    for lossy in (True, loss.path, [loss.path], lambda found: found == loss):
        request = bridges.to_request(body, request_id="r", lossy=lossy)
        assert {name: getattr(request, name) for name in fields} == fields
    with pytest.raises(LossyBridgeError):
        bridges.to_request(body, request_id="r", lossy=lambda _: False)


def test_several_losses_are_told_at_once() -> None:
    body = chat(n=2, parallel_tool_calls=False, store=True)
    with pytest.raises(
        LossyBridgeError, match=r"without loss:\n  n = 2: .*\n  parallel_tool_calls = False: "
    ) as caught:
        bridges.to_request(body, request_id="r")
    assert [loss.path for loss in caught.value.losses] == ["n", "parallel_tool_calls"]
    with pytest.raises(LossyBridgeError) as rest:
        bridges.to_request(body, request_id="r", lossy="n")
    assert [loss.path for loss in rest.value.losses] == ["parallel_tool_calls"]
    assert [(loss.path, loss.droppable) for loss in bridges.losses(body, Request)] == [
        ("n", False),
        ("parallel_tool_calls", False),
        ("store", True),
    ]
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), vars(again)) == (str(caught.value), vars(caught.value))
    assert str(copy.copy(caught.value)) == str(caught.value)
    assert "and 3 more" in str(LossyBridgeError("a", "b", [Loss("n", 2, "why")], 3))


@pytest.mark.parametrize(
    ("lossy", "message"),
    [
        ("m", "nothing can be lost there"),
        ("stop", "nothing can be lost"),
        ("N", "did you mean n"),
        (5, "lossy must be"),
    ],
)
def test_what_would_be_ignored_is_refused(lossy: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        bridges.to_request(chat(), request_id="r", lossy=lossy)


def test_somebody_has_to_say_how_many_tokens() -> None:
    with pytest.raises(OptionError, match="tell max_tokens"):
        bridges.to_request(chat(max_tokens=None), request_id="r")


def test_other_messages_are_none_of_these() -> None:
    with pytest.raises(OptionError, match="there is no bridge from"):
        bridges.losses(asked(), Request)
    with pytest.raises(OptionError, match="kind must be ChatCompletionRequest or CompletionRequest"):
        bridges.from_request(asked(), Request)  # type: ignore[type-var]
    with pytest.raises(OptionError, match="must be a ChatCompletionRequest or CompletionRequest"):
        bridges.to_request(asked(), request_id="r")  # type: ignore[arg-type]


# Back


@given(messages(ChatCompletionRequest))
def test_a_chat_there_and_back_asks_for_the_same(body: ChatCompletionRequest) -> None:
    request = bridges.to_request(body, request_id="r", max_tokens=5, lossy=True)
    back = bridges.from_request(request, ChatCompletionRequest)
    assert bridges.to_request(back, request_id="r") == request
    lost = {steps_of(loss.path)[0] for loss in bridges.losses(body, Request)}
    assert body.messages == back.messages
    for name in {"tools", "tool_choice", "response_format", "user", "metadata", "prediction", "verbosity"} - lost:
        assert getattr(back, name) == getattr(body, name), name


@given(messages(CompletionRequest))
def test_a_completion_there_and_back_asks_for_the_same(body: CompletionRequest) -> None:
    request = bridges.to_request(body, request_id="r", max_tokens=5, lossy=True)
    back = bridges.from_request(request, CompletionRequest)
    assert bridges.to_request(back, request_id="r") == request


@given(messages(Request), st.sampled_from([ChatCompletionRequest, CompletionRequest]))
def test_any_request_is_carried_or_says_what_is_lost(request: Request, kind: Any) -> None:
    request = evolve(request, metadata=None)
    lost = [loss for loss in bridges.losses(request, kind) if not loss.droppable]
    back = bridges.from_request(request, kind, lossy=True)
    codecs.get("json").encode(back)
    if lost:
        with pytest.raises(LossyBridgeError) as caught:
            bridges.from_request(request, kind)
        assert list(caught.value.losses) == lost
        assert caught.value.fault == "local"
    else:
        assert bridges.from_request(request, kind) == back


LOST_BACK: dict[str, tuple[Any, Request, dict[str, Any]]] = {
    "prompt": (ChatCompletionRequest, asked(prompt="x"), {"messages": ()}),
    "prompt_token_ids": (ChatCompletionRequest, asked(prompt_token_ids=[1]), {"messages": ()}),
    "messages": (CompletionRequest, asked(messages=[{"role": "user", "content": "x"}]), {"prompt": ""}),
    "tools": (ChatCompletionRequest, asked(tools=[{"type": "hammer"}]), {"tools": None}),
    "tool_choice": (ChatCompletionRequest, asked(tool_choice="perhaps"), {"tool_choice": None}),
    "response_format": (ChatCompletionRequest, asked(response_format={"type": "poem"}), {"response_format": None}),
    "logprobs": (ChatCompletionRequest, asked(logprobs=21), {"logprobs": True, "top_logprobs": 20}),
    "many of a completion": (CompletionRequest, asked(logprobs=21), {"logprobs": 20}),
    "sampling_params": (ChatCompletionRequest, asked(sampling_params={"beam_size": 2}), {"temperature": 1.0}),
    "the strategy": (ChatCompletionRequest, asked(sampling_params={"strategy": "beam_search"}), {}),
    "a limit of its own": (ChatCompletionRequest, asked(sampling_params={"max_tokens": 2}), {}),
    "kv_budget_tokens": (CompletionRequest, asked(kv_budget_tokens=1), {}),
    "rank": (CompletionRequest, asked(rank=0), {}),
    "metadata": (ChatCompletionRequest, asked(metadata={"x": 1, "openai": {"user": "u"}}), {"user": "u"}),
    "another field": (ChatCompletionRequest, asked(metadata={"openai": {"model": "n"}}), {"model": "m", "user": None}),
    "no fields": (ChatCompletionRequest, asked(metadata={"openai": 5}), {"user": None}),
    "two inputs": (CompletionRequest, asked(prompt="x", prompt_token_ids=[1]), {"prompt": (1,)}),
}


@pytest.mark.parametrize(("kind", "request_", "fields"), LOST_BACK.values(), ids=LOST_BACK)
def test_what_a_client_cannot_say_is_told(kind: Any, request_: Request, fields: dict[str, Any]) -> None:
    with pytest.raises(LossyBridgeError) as caught:
        bridges.from_request(request_, kind)
    (loss,) = caught.value.losses
    for lossy in (True, loss.path):
        back = bridges.from_request(request_, kind, lossy=lossy)
        assert {name: getattr(back, name) for name in fields} == fields


def test_sampling_parameters_stand_in_for_what_stands_beside_them() -> None:
    params = {"temperature": 0.0, "top_p": 0.5, "seed": 3, "stop_sequences": ["x"], "presence_penalty": 1.0}
    back = bridges.from_request(asked(sampling_params=params, top_p=0.25), ChatCompletionRequest)
    assert (back.temperature, back.top_p, back.seed, back.stop, back.presence_penalty) == (0.0, 0.25, 3, ("x",), 1.0)
    assert bridges.from_request(asked(), ChatCompletionRequest).temperature is None


def test_what_clients_of_open_models_send_beside_the_fields() -> None:
    vendor = {"top_k": 5, "stop_token_ids": [7], "guided_json": {"type": "object"}, "repetition_penalty": None}
    request = bridges.to_request(chat(extra=vendor, user="u", temperature=0, top_p=0), request_id="r")
    assert request.stop_token_ids == (7,)
    assert request.metadata == {"openai": {"user": "u", "guided_json": {"type": "object"}}}
    params = request.sampling_params
    assert params is not None
    assert params.top_p == 1e-9
    assert (params.top_k, params.strategy.value, params.repetition_penalty) == (5, "greedy", 1.0)
    plain = bridges.to_request(chat(extra={"top_k": 5}, temperature=None), request_id="r").sampling_params
    assert plain is not None
    assert (plain.temperature, plain.top_p) == (1.0, 1.0)
    back = bridges.from_request(request, ChatCompletionRequest)
    assert back.extra == {"top_k": 5, "stop_token_ids": (7,), "guided_json": {"type": "object"}}
    assert bridges.to_request(back, request_id="r") == request
    tool = {"type": "function", "function": {"name": "f", "cached": True}}
    assert bridges.to_request(
        chat(tools=[{**TOOLS[0], "function": {"name": "f", "cached": True}}]), request_id="r"
    ).tools == (tool,)


def test_a_value_beside_the_fields_that_no_engine_takes() -> None:
    with pytest.raises(ValidationError, match=r"sampling_params\.top_k") as caught:
        bridges.to_request(chat(extra={"top_k": "many"}), request_id="r")
    assert caught.value.fault == "remote"


def test_values_that_are_none_of_the_clients() -> None:
    with pytest.raises(ValidationError, match="user: must be str") as caught:
        bridges.from_request(asked(metadata={"openai": {"user": 5}}), ChatCompletionRequest)
    assert caught.value.fault == "local"


def test_requests_take_what_was_read_from_json() -> None:
    body = codecs.get("json").decode(codecs.get("json").encode(chat(tools=TOOLS)), ChatCompletionRequest)
    assert to_plain(bridges.to_request(body, request_id="r"))["tools"] == TOOLS


def test_what_is_several_fields_may_be_the_whole_of_the_other() -> None:
    bridge = bridges.Bridge(Request, SamplingParams, (bridges.Row("metadata", "*"),))
    request = Request(request_id="r", trace_id="t", prompt="Hi", max_tokens=1, metadata={"top_k": 5})
    assert bridge.carry(request, {}) == SamplingParams(top_k=5)
