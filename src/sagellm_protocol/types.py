"""The conversation between a client and an engine: a request, the answer whole or as a stream, and what it cost."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from sagellm_protocol.errors import Error
from sagellm_protocol.latencies import latencies
from sagellm_protocol.model import Rule, message, rule
from sagellm_protocol.model.units import (
    AnyMilliseconds,
    AnyTokens,
    Byte,
    Bytes,
    Count,
    LogitBias,
    LogProbability,
    Megabytes,
    Milliseconds,
    Penalty,
    PositiveTokens,
    Rank,
    Ratio,
    Size,
    Temperature,
    TokenId,
    Tokens,
    TokensPerSecond,
    TopP,
)
from sagellm_protocol.openai_types import ChatMessage
from sagellm_protocol.openai_types._rules import BIAS_OF_TOKENS, OF_A_PROBABILITY
from sagellm_protocol.sampling import SamplingParams
from sagellm_protocol.timestamps import Timestamps


@message(
    rules=(
        rule(
            "one-input",
            ("prompt", "messages"),
            "empty where messages holds the input",
            lambda it: not (it.prompt and it.messages),
            why="Two inputs do not say which one to answer.",
        ),
        rule(
            "no-ids-beside-text",
            ("prompt_token_ids", "prompt", "messages"),
            "null where prompt or messages holds the input",
            lambda it: it.prompt_token_ids is None or not (it.prompt or it.messages),
            why="Two inputs do not say which one to answer.",
        ),
        BIAS_OF_TOKENS,
        rule(
            "world-size-of-rank",
            ("world_size", "rank"),
            "given where rank is",
            lambda it: it.rank is None or it.world_size is not None,
            why="A rank counts among the workers of a distributed run.",
        ),
        rule(
            "rank-below-world-size",
            ("rank", "world_size"),
            "below world_size",
            lambda it: it.rank is None or it.world_size is None or it.rank < it.world_size,
            why="Ranks count from 0.",
        ),
        rule(
            "tp-size-of-rank",
            ("tp_size", "tp_rank"),
            "given where tp_rank is",
            lambda it: it.tp_rank is None or it.tp_size is not None,
            why="A rank counts among the workers that share a layer.",
        ),
        rule(
            "tp-rank-below-size",
            ("tp_rank", "tp_size"),
            "below tp_size",
            lambda it: it.tp_rank is None or it.tp_size is None or it.tp_rank < it.tp_size,
            why="Ranks count from 0.",
        ),
        rule(
            "pp-size-of-rank",
            ("pp_size", "pp_rank"),
            "given where pp_rank is",
            lambda it: it.pp_rank is None or it.pp_size is not None,
            why="A stage counts among the stages of a pipeline.",
        ),
        rule(
            "pp-rank-below-size",
            ("pp_rank", "pp_size"),
            "below pp_size",
            lambda it: it.pp_rank is None or it.pp_size is None or it.pp_rank < it.pp_size,
            why="Stages count from 0.",
        ),
        rule(
            "room-for-the-layout",
            ("world_size", "tp_size", "pp_size"),
            "at least tp_size times pp_size",
            lambda it: it.world_size is None or it.world_size >= (it.tp_size or 1) * (it.pp_size or 1),
            why="Each stage of the pipeline has tp_size workers of its own.",
        ),
    )
)
class Request:
    """One inference to run: a prompt or a conversation, and the limits on the answer.

    Sent by the gateway or a client to an engine. Between engines it also carries the phase to run and the place in
    the parallel layout, for disaggregated prefill and decode and for tensor and pipeline parallel execution.
    """

    request_id: str
    """Identifies the request; every response and stream event that answers it repeats this text."""
    trace_id: str
    """Identifies the trace that the request belongs to, across all services it passes through."""
    model: str = ""
    """Name of the model to run; empty leaves the choice to an engine that serves only one."""
    prompt: str = ""
    """Text to continue; empty where ``messages`` or ``prompt_token_ids`` holds the input."""
    prompt_token_ids: Sequence[TokenId] | None = None
    """Ids of the tokens to continue, in the model's vocabulary, for a client that has its own tokenizer; None where the
    input is text."""
    messages: Sequence[ChatMessage] | None = None
    """Conversation so far, oldest turn first, for the engine's chat template; None where ``prompt`` is the input."""
    tools: Sequence[Mapping[str, Any]] | None = None
    """What the model may call, for the chat template: free JSON as OpenAI writes it; None where there is nothing."""
    tool_choice: Any = None
    """Which tool to call, as free JSON as OpenAI writes it: "none", "auto", "required", or an object that names one;
    None leaves it to the model."""
    response_format: Mapping[str, Any] | None = None
    """The form that the output must have, such as a JSON Schema, as free JSON as OpenAI writes it; None for any."""
    max_tokens: PositiveTokens
    """Most output tokens to generate, at least 1; reaching it ends the answer with ``finish_reason`` "length"."""
    stream: bool = False
    """Whether to answer with stream events as tokens are decoded; false asks for a single ``Response``."""
    sampling_params: SamplingParams | None = None
    """How to choose the next token, in full; None leaves all that the request does not set beside it to the engine."""
    temperature: Temperature | None = None
    """Softmax temperature, 0 to 2, where 0 is greedy; None means that the request does not set it here."""
    top_p: TopP | None = None
    """Nucleus sampling mass, above 0 and up to 1, where 1 keeps all tokens; None means not set here."""
    presence_penalty: Penalty | None = None
    """Subtracted once from the logit of every token already in the output, -2 to 2; None means not set here."""
    frequency_penalty: Penalty | None = None
    """Subtracted from a token's logit for each time it is already in the output, -2 to 2; None means not set here."""
    logit_bias: Mapping[str, LogitBias] | None = None
    """Added to the logits of tokens, -100 (never) to 100 (always), by token id in digits; None adds nothing."""
    seed: int | None = None
    """Seed of the random generator, so that sampling can be repeated; None means not set here."""
    stop: Sequence[str] | None = None
    """Texts that end generation as soon as the output contains one of them; None means not set here."""
    stop_token_ids: Sequence[TokenId] | None = None
    """Ids of tokens that end generation, beside the model's own end tokens; None for no others."""
    logprobs: Count | None = None
    """Log-probabilities to tell of each output token: its own, and those of this many most probable ones; None for none
    at all."""
    kv_budget_tokens: PositiveTokens | None = None
    """Most tokens whose keys and values may be cached for this request, at least 1; None sets no budget."""
    metadata: Mapping[str, Any] | None = None
    """Free JSON that travels with the request and that the protocol does not interpret; None where there is none."""
    phase: Literal["prefill", "decode"] | None = None
    """The phase to run where prefill and decode run on different engines; None runs both on one engine."""
    rank: Rank | None = None
    """Global rank of the worker that this copy is for, from 0, below ``world_size``; None if not distributed."""
    world_size: Size | None = None
    """Number of workers that execute the request together, at least 1; None if not distributed."""
    group_id: str | None = None
    """Communication group of those workers (``CommGroupInfo.group_id``); None if not distributed."""
    tp_rank: Rank | None = None
    """Rank in the tensor parallel group, from 0, below ``tp_size``; None without tensor parallelism."""
    pp_rank: Rank | None = None
    """Pipeline parallel stage, from 0 (first layers), below ``pp_size``; None without pipeline parallelism."""
    tp_size: Size | None = None
    """Tensor parallel degree: workers that share each layer, at least 1; None without tensor parallelism."""
    pp_size: Size | None = None
    """Pipeline parallel degree: stages that the layers are split into, at least 1; None without pipelining."""


def _fit_decode_time(it: "Metrics") -> bool:
    if not it.itl_list or not it.decode_ms:
        return True
    return abs(sum(it.itl_list) - it.decode_ms) <= max(0.1 * it.decode_ms, 1.0 * len(it.itl_list))


def _is_mean_latency(it: "Metrics") -> bool:
    if not it.itl_list or not it.tbt_ms:
        return True
    mean = sum(it.itl_list) / len(it.itl_list)
    return abs(it.tbt_ms - mean) <= max(0.1 * mean, 1.0)


@message(
    rules=(
        rule(
            "evictions-counted",
            ("evict_count", "evict_ms"),
            "above 0 where evict_ms is",
            lambda it: it.evict_count > 0 or it.evict_ms == 0,
            why="Time spent on evictions is time of at least one.",
        ),
        rule(
            "transfers-counted",
            ("kv_transfer_count", "kv_transfer_bytes", "kv_transfer_ms"),
            "above 0 where kv_transfer_bytes or kv_transfer_ms is",
            lambda it: it.kv_transfer_count > 0 or it.kv_transfer_bytes == it.kv_transfer_ms == 0,
            why="What moved bytes or took time is at least one transfer.",
        ),
        rule(
            "latencies-not-negative",
            ("itl_list",),
            "at least 0 in each item",
            lambda it: all(gap >= 0 for gap in it.itl_list),
            why="Tokens come in the order of the output.",
        ),
        rule(
            "latencies-fit-decode-time",
            ("itl_list", "decode_ms"),
            "decode_ms in all, give or take a tenth of it or 1 ms for each item, whichever is more",
            _fit_decode_time,
            why="They are the gaps from the first token to the last, and decode is what is done in them.",
        ),
        rule(
            "tbt-is-the-mean-latency",
            ("tbt_ms", "itl_list"),
            "the mean of itl_list, give or take a tenth of it or 1 ms, whichever is more",
            _is_mean_latency,
            why="Both tell of the gaps between tokens; 0 and an empty list are not measured.",
        ),
    )
)
class Metrics:
    """What serving one request cost, as the engine measured it.

    Comes to the client with the ``Response`` or the ``StreamEventEnd``. Zero in a field with a default also stands
    for "not measured".
    """

    ttft_ms: Milliseconds
    """Time to first token (TTFT): from the arrival of the request to its first output token, in ms, at least 0."""
    tbt_ms: Milliseconds = 0.0
    """Time between tokens (TBT): mean gap between one output token and the next, in ms, at least 0."""
    tpot_ms: Milliseconds = 0.0
    """Time per output token (TPOT): decode time divided by the tokens after the first, in ms, at least 0."""
    throughput_tps: TokensPerSecond
    """Output tokens generated per second, at least 0."""
    peak_mem_mb: Megabytes
    """Highest device memory in use while the request was served, in whole MB, at least 0."""
    error_rate: Ratio
    """Share of the measured work that failed, 0 (none) to 1 (all)."""
    kv_used_tokens: Tokens = 0
    """Tokens whose keys and values the request held in the KV cache, at least 0."""
    kv_used_bytes: Bytes = 0
    """Bytes of KV cache that the request held, over all layers, at least 0."""
    prefix_hit_rate: Ratio = 0.0
    """Share of the prompt tokens found in the prefix cache, so that prefill skipped them, 0 to 1."""
    evict_count: Count = 0
    """KV evictions while the request was served, at least 0."""
    evict_ms: Milliseconds = 0.0
    """Time spent on those evictions, in ms, at least 0."""
    spec_accept_rate: Ratio = 0.0
    """Speculative decoding: share of the draft tokens that the target model accepted, 0 to 1."""
    prefill_ms: Milliseconds = 0.0
    """Time in prefill, the forward pass over the prompt, in ms, at least 0."""
    decode_ms: Milliseconds = 0.0
    """Time in decode, all steps after prefill, in ms, at least 0."""
    kv_transfer_count: Count = 0
    """KV cache transfers between devices or engines for this request, at least 0."""
    kv_transfer_bytes: Bytes = 0
    """Bytes that those transfers moved, at least 0."""
    kv_transfer_ms: Milliseconds = 0.0
    """Time spent on those transfers, in ms, at least 0."""
    comm_overhead_ms: Milliseconds = 0.0
    """Time spent in communication between ranks (tensor and pipeline parallel), in ms, at least 0."""
    allreduce_count: Count = 0
    """All-reduce operations run for this request, at least 0."""
    allgather_count: Count = 0
    """All-gather operations run for this request, at least 0."""
    itl_list: Sequence[AnyMilliseconds] = ()
    """Inter-token latencies (ITL), each in ms, in the order of the output tokens; empty where not recorded."""
    timestamps: Timestamps | None = None
    """When the request entered each stage of its life; None where not recorded."""
    component_trace: Sequence[str] | None = None
    """Names of the components that the request passed through, in order; None where not traced."""

    @classmethod
    def from_token_times(
        cls,
        arrival: float,
        token_times: Sequence[float],
        *,
        prompt_tokens: int,
        cached_tokens: int = 0,
        scheduled: float | None = None,
        failed: bool = False,
        **measured: Any,
    ) -> "Metrics":
        """The metrics of one request, from when it came and when each of its output tokens came.

        All times are seconds of one clock, such as :func:`time.monotonic`; results are milliseconds. ``t[0]`` to
        ``t[n-1]`` are the times of ``n`` output tokens.

        - ``ttft_ms``: ``t[0] - arrival``, as MLPerf Inference, vLLM's and NVIDIA's benchmarks have it: the wait in the
          queue is part of it.
        - ``itl_list``: ``t[i] - t[i-1]``, as vLLM has it: each gap by itself. NVIDIA calls the mean of them so.
        - ``tpot_ms``: ``(t[n-1] - t[0]) / (n - 1)``, as MLPerf, vLLM and NVIDIA (there: ITL) have it: without the
          first token, whose time is TTFT. LLMPerf counts it in, and so mixes prefill with decode.
        - ``tbt_ms``: the mean gap, which of one request's tokens is ``tpot_ms``.
        - ``prefill_ms``: ``t[0] - scheduled``, or ``t[0] - arrival`` where ``scheduled`` is not told.
        - ``decode_ms``: ``t[n-1] - t[0]``.
        - ``throughput_tps``: ``n / (t[n-1] - arrival)``, NVIDIA's tokens a second of one user: over the whole latency,
          since a user waits for the first token too. vLLM and MLPerf give that of a whole run.
        - ``prefix_hit_rate``: ``cached_tokens / prompt_tokens``.
        - ``kv_used_tokens``, where it is not told: ``prompt_tokens + n - 1``; the last token is not computed upon.
        - ``error_rate``: 1 where the request failed, else 0.

        Of one token there are no gaps: ``tpot_ms``, ``tbt_ms`` and ``decode_ms`` are 0. Of none all latencies are 0. A
        request that failed has those of the tokens that came.

        Args:
            arrival: when the request came.
            token_times: when each output token came, in their order; those that came in one step have one time.
            prompt_tokens: tokens in the prompt, at least 0.
            cached_tokens: how many of them the prefix cache held, at most all.
            scheduled: when prefill began, between ``arrival`` and the first token.
            failed: whether the request failed.
            **measured: other fields of ``Metrics``, such as ``peak_mem_mb``, which is 0 where it is not told.

        Raises:
            ValidationError: a time is no finite number or earlier than the one before it, a count is out of range, or a
                field is told that is computed, or that there is none of.
        """
        told: dict[str, Any] = {
            "peak_mem_mb": 0,
            "kv_used_tokens": prompt_tokens + max(len(token_times) - 1, 0),
            **measured,
        }
        computed = latencies(
            arrival,
            token_times,
            prompt_tokens=prompt_tokens,
            cached_tokens=cached_tokens,
            scheduled=scheduled,
            failed=failed,
            measured=measured,
        )
        return cls(**computed, **told)


@message(rules=(OF_A_PROBABILITY,))
class TokenLogprob:
    """A token that the model could have chosen, and how probable it was."""

    token_id: TokenId
    """Id of the token in the model's vocabulary."""
    text: str
    """The token as text; what is no whole character by itself is written as U+FFFD."""
    logprob: LogProbability
    """Natural logarithm of its probability; -9999 stands for a probability of 0, since JSON knows no infinity."""
    bytes: Sequence[Byte] | None = None
    """The token as bytes of UTF-8, which also tell parts of a character; None where the engine does not tell them."""


@message(rules=(OF_A_PROBABILITY,))
class TokenLogprobs:
    """An output token, how probable it was, and the most probable ones in its place."""

    token_id: TokenId
    """Id of the token in the model's vocabulary."""
    text: str
    """The token as text; what is no whole character by itself is written as U+FFFD."""
    logprob: LogProbability
    """Natural logarithm of its probability; -9999 stands for a probability of 0, since JSON knows no infinity."""
    bytes: Sequence[Byte] | None = None
    """The token as bytes of UTF-8, which also tell parts of a character; None where the engine does not tell them."""
    top: Sequence[TokenLogprob] = ()
    """The ``Request.logprobs`` most probable tokens in its place, the most probable first; it may be among them."""


_ERROR_IF_AND_ONLY_IF_FAILED = rule(
    "error-if-and-only-if-failed",
    ("error", "finish_reason"),
    "given where finish_reason is 'error', and None where it is not",
    lambda it: (it.error is not None) == (it.finish_reason == "error"),
    why="The error is what went wrong, and nothing else did.",
)

_CACHED_OF_THE_PROMPT = rule(
    "cached-of-the-prompt",
    ("cached_prompt_tokens", "prompt_tokens"),
    "at most prompt_tokens",
    lambda it: (
        it.cached_prompt_tokens is None or it.prompt_tokens is None or it.cached_prompt_tokens <= it.prompt_tokens
    ),
    why="They are among the tokens of the prompt.",
)


def _logprobs_of(tokens: str) -> Rule:
    """Log-probabilities, where they are told, go with the tokens in a field, one by one."""

    def fit(it: Any) -> bool:
        return it.logprobs is None or [found.token_id for found in it.logprobs] == list(getattr(it, tokens))

    return rule(
        "logprobs-of-the-tokens",
        ("logprobs", tokens),
        f"of the tokens of {tokens}, in their order",
        fit,
        why="Each is of one output token.",
    )


@message(rules=(_ERROR_IF_AND_ONLY_IF_FAILED, _CACHED_OF_THE_PROMPT, _logprobs_of("output_tokens")))
class Response:
    """The whole answer to a request with ``stream=False``; sent once, by the engine to the caller."""

    request_id: str
    """``Request.request_id`` of the request answered."""
    trace_id: str
    """``Request.trace_id`` of the request answered."""
    output_text: str
    """All generated text, without the prompt; may be partial or empty if the request failed."""
    output_tokens: Sequence[int]
    """Ids of all generated tokens in the model's vocabulary, in order."""
    logprobs: Sequence[TokenLogprobs] | None = None
    """How probable each of those tokens was; None where ``Request.logprobs`` did not ask."""
    prompt_tokens: AnyTokens | None = None
    """Number of tokens in the prompt; None where the engine did not count them."""
    cached_prompt_tokens: Tokens | None = None
    """How many of them the prefix cache held, at least 0; None where the engine does not tell."""
    finish_reason: Literal["stop", "length", "error"]
    """Why generation ended: "stop" at an end token or stop sequence, "length" at ``max_tokens``, "error" on failure."""
    metrics: Metrics
    """What serving the request cost."""
    error: Error | None = None
    """What went wrong where ``finish_reason`` is "error"; None if nothing did."""


@message
class StreamEventStart:
    """First event of a stream: the engine has taken the request and will send deltas, then the end."""

    event: Literal["start"] = "start"
    """The tag that tells stream events apart; always "start"."""
    request_id: str
    """``Request.request_id`` of the request answered."""
    trace_id: str
    """``Request.trace_id`` of the request answered."""
    engine_id: str
    """Identifies the engine that serves the stream."""
    prompt_tokens: AnyTokens | None = None
    """Number of tokens in the prompt; None where the engine has not counted them."""


@message(rules=(_logprobs_of("content_tokens"),))
class StreamEventDelta:
    """New output since the event before: sent by the engine zero or more times, between start and end."""

    event: Literal["delta"] = "delta"
    """The tag that tells stream events apart; always "delta"."""
    request_id: str
    """``Request.request_id`` of the request answered."""
    trace_id: str
    """``Request.trace_id`` of the request answered."""
    engine_id: str
    """Identifies the engine that serves the stream."""
    content: str
    """The new text alone; append it to what came before. Empty while tokens do not yet make up a character."""
    content_tokens: Sequence[int]
    """Ids of the new tokens, in order: one in plain decode, several with speculative decoding."""
    logprobs: Sequence[TokenLogprobs] | None = None
    """How probable each of the new tokens was; None where ``Request.logprobs`` did not ask."""


@message(rules=(_ERROR_IF_AND_ONLY_IF_FAILED, _CACHED_OF_THE_PROMPT, _logprobs_of("output_tokens")))
class StreamEventEnd:
    """Last event of a stream, sent once, after success and after failure alike: the whole output and its cost."""

    event: Literal["end"] = "end"
    """The tag that tells stream events apart; always "end"."""
    request_id: str
    """``Request.request_id`` of the request answered."""
    trace_id: str
    """``Request.trace_id`` of the request answered."""
    engine_id: str
    """Identifies the engine that served the stream."""
    prompt_tokens: AnyTokens | None = None
    """Number of tokens in the prompt; None where the engine did not count them."""
    cached_prompt_tokens: Tokens | None = None
    """How many of them the prefix cache held, at least 0; None where the engine does not tell."""
    content: str
    """All generated text: the contents of the deltas joined."""
    output_tokens: Sequence[int]
    """Ids of all generated tokens, in order: the tokens of the deltas joined."""
    logprobs: Sequence[TokenLogprobs] | None = None
    """How probable each of them was: those of the deltas joined; None where ``Request.logprobs`` did not ask."""
    finish_reason: Literal["stop", "length", "error"]
    """Why generation ended: "stop" at an end token or stop sequence, "length" at ``max_tokens``, "error" on failure."""
    metrics: Metrics
    """What serving the request cost."""
    error: Error | None = None
    """What went wrong where ``finish_reason`` is "error"; None if nothing did."""


StreamEvent: TypeAlias = StreamEventStart | StreamEventDelta | StreamEventEnd
"""Any event of a stream; which one is told by its ``event``: "start", "delta" or "end"."""

StartEvent: TypeAlias = StreamEventStart
"""Short name of :class:`StreamEventStart`."""

DeltaEvent: TypeAlias = StreamEventDelta
"""Short name of :class:`StreamEventDelta`."""

EndEvent: TypeAlias = StreamEventEnd
"""Short name of :class:`StreamEventEnd`."""
