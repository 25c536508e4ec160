"""For every rule between fields, what breaks it and no other: fields of a message that keeps all rules otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import specimens
from sagellm_protocol import catalog
from sagellm_protocol.backend_types import DType, KernelKind
from sagellm_protocol.comm_types import CollectiveOp, CommStatus
from sagellm_protocol.errors import Error, ErrorCode
from sagellm_protocol.kv.enums import KVBlockState, RequestType, TransferStatus
from sagellm_protocol.kv.types import KVHandle, SchedulerRequest
from sagellm_protocol.kv_hooks import KVEvictReason, KVHandle as HookHandle, KVHookEvent
from sagellm_protocol.openai_types import (
    ChatCompletionChoice,
    ChatCompletionStreamChoice,
    ChatCompletionStreamDelta,
    ChatMessage,
    CompletionChoice,
    EmbeddingData,
)
from sagellm_protocol.operator_mapping import OperatorConstraint, PhysicalOperator
from sagellm_protocol.types import TokenLogprobs

FAILURE = Error(code=ErrorCode.UNAVAILABLE, message="gone")
ONE, TWO = UUID(int=1), UUID(int=2)
HANDLE = KVHandle(handle_id=ONE, num_tokens=1)
QUEUED = SchedulerRequest(
    request_id="r",
    trace_id="t",
    request_type=RequestType.PREFILL,
    prompt_len=1,
    max_new_tokens=1,
    kv_tokens_required=3,
    memory_required_mb=3.0,
)
KERNEL = PhysicalOperator(kernel_name="k", backend="b", device="cpu", dtype=DType.FP16, kernel_kind=KernelKind.MATMUL)
TURN = ChatMessage(role="assistant", content="Hi")
CHUNK = ChatCompletionStreamChoice(index=0, delta=ChatCompletionStreamDelta())
TOKEN = TokenLogprobs(token_id=1, text="Hi", logprob=-1.0)

KEEPING: dict[str, dict[str, Any]] = {
    "comm_types.CommGroupInfo": {"world_size": 2, "ranks": [4, 5]},
    "comm_types.CommOperationMetrics": {"op": CollectiveOp.ALL_REDUCE},
    "comm_types.CollectiveResponse": {"op": CollectiveOp.ALL_REDUCE, "status": CommStatus.COMPLETED},
    "comm_types.P2PRecvRequest": {"src_rank": 0, "dst_rank": 1},
    "comm_types.P2PSendRequest": {"src_rank": 0, "dst_rank": 1},
    "kv.operations.KVCacheAllocateResponse": {"success": False},
    "kv.types.KVHandle": {"num_tokens": 4},
    "kv.types.KVPoolStats": {
        **{f"{part}_{unit}": size for unit in ("tokens", "bytes") for part, size in (("total", 8), ("allocated", 4))},
        "available_tokens": 3,
        "available_bytes": 3,
        "total_blocks": 4,
        "allocated_blocks": 2,
        "free_blocks": 1,
        "pinned_blocks": 1,
    },
    "kv.types.KVTransferMetadata": {
        "layer_start": 0,
        "layer_end": 2,
        "token_start": 0,
        "token_end": 4,
        "total_bytes": 64,
    },
    "kv.types.PrefixCacheEntry": {"prefix_tokens": [1], "handle": HANDLE},
    "kv.types.SchedulerPlan": {"requests": [QUEUED], "batch_size": 1},
    "kv.types.SchedulerRequest": {"prompt_len": 4, "max_new_tokens": 4},
    "kv_hooks.KVHookPayload": {"event": KVHookEvent.FREE_AFTER, "kv_handle": specimens.complete(HookHandle)},
    "openai_types.ChatCompletionRequest": {"messages": [TURN]},
    "openai_types.ChatCompletionStreamResponse": {"choices": []},
    "openai_types.ChatCompletionUsage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    "openai_types.ChatMessage": {"role": "user", "content": "Hi"},
    "openai_types.ChatTokenLogprob": {"logprob": -1.0},
    "openai_types.ChatTopLogprob": {"logprob": -1.0},
    "openai_types.CompletionLogprobs": {"tokens": ["Hi"]},
    "openai_types.CompletionUsage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    "openai_types.EmbeddingUsage": {"prompt_tokens": 1, "total_tokens": 1},
    "openai_types.ChatCompletionResponse": {
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        "choices": [],
    },
    "openai_types.CompletionResponse": {
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        "choices": [],
    },
    "openai_types.EmbeddingResponse": {"usage": {"prompt_tokens": 1, "total_tokens": 1}, "data": []},
    "operator_mapping.OperatorMapping": {"device": "cuda:0", "dtype": DType.FP16},
    "operator_mapping.OperatorRegistrySnapshot": {"total_operators": 1},
    "operator_mapping.PhysicalOperator": {
        "device": "cuda:0",
        "dtype": DType.FP16,
        "kernel_kind": KernelKind.MATMUL,
    },
    "pd_sep_types.KVTransferRequest": {"src_engine_id": "a", "dst_engine_id": "b"},
    "timestamps.Timestamps": {"queued_at": 1.0, "scheduled_at": 2.0, "executed_at": 3.0, "completed_at": 4.0},
    "types.Response": {"finish_reason": "stop"},
    "types.StreamEventEnd": {"finish_reason": "stop"},
    "types.TokenLogprob": {"logprob": -1.0},
    "types.TokenLogprobs": {"logprob": -1.0},
}
"""What some messages need besides their required fields, or in these, to keep all rules."""

_SUM = {"total-is-the-sum": {"total_tokens": 4}}
_FAILED = {"error-if-and-only-if-failed": {"error": FAILURE}}
_NO_RESULT = {"error-of-failures": {"status": CommStatus.COMPLETED, "error_message": "gone"}}
_ELSEWHERE = {
    "constraints-that-can-hold": {"constraints": OperatorConstraint(device_type="npu")},
}
_LISTED = {
    "all-or-no-success": {"success": True, "failed_handles": [ONE]},
    "errors-of-failures": {"success": False, "errors": {str(ONE): FAILURE}},
}
_BIAS = {"bias-of-tokens": {"logit_bias": {"the": 1.0}}}
_CACHED = {"cached-of-the-prompt": {"prompt_tokens": 1, "cached_prompt_tokens": 2}}
_LIKELY = {"of-a-probability": {"logprob": 0.5}}
_STREAMED = {"options-of-a-stream": {"stream_options": {"include_usage": True}}}
_BARRIER = {"barrier-moves-nothing": {"op": CollectiveOp.BARRIER, "bytes_transferred": 1}}

BREAKING: dict[str, dict[str, dict[str, Any]]] = {
    "backend_types.CapabilityDescriptor": {
        "available-of-total": {"available_memory_bytes": 2, "total_memory_bytes": 1},
        "collectives-of-a-backend-with-any": {"supported_collectives": ["all_reduce"]},
    },
    "comm_types.CollectiveResponse": {
        **_NO_RESULT,
        **_BARRIER,
        "nothing-moved-while-pending": {"status": CommStatus.PENDING, "bytes_transferred": 1},
    },
    "comm_types.CommGroupInfo": {
        "ranks-of-all-members": {"world_size": 3},
        "one-rank-a-member": {"ranks": [4, 4]},
        "root-is-a-member": {"root_rank": 3},
    },
    "comm_types.CommOperationMetrics": {
        "bandwidth-is-bytes-over-time": {"bytes_transferred": 10**9, "elapsed_ms": 1000.0, "bandwidth_gbps": 7.0},
        **_BARRIER,
    },
    "comm_types.P2PRecvRequest": {"another-rank": {"src_rank": 1}},
    "comm_types.P2PRecvResponse": {
        **_NO_RESULT,
        "nothing-moved-while-pending": {"status": CommStatus.PENDING, "bytes_received": 1},
    },
    "comm_types.P2PSendRequest": {"another-rank": {"src_rank": 1}},
    "comm_types.P2PSendResponse": {
        **_NO_RESULT,
        "nothing-moved-while-pending": {"status": CommStatus.PENDING, "bytes_sent": 1},
    },
    "compression_types.CompressionMetrics": {
        "accepted-of-proposed": {"spec_tokens_proposed": 1, "spec_tokens_accepted": 2},
        "no-error-unquantised": {"quant_error_pct": 0.5},
    },
    "compression_types.QuantizationConfig": {
        "bits-of-the-scheme": {"scheme": "int8", "bits": 4},
        "fp8-format-of-fp8": {"scheme": "int8", "fp8_format": "e4m3"},
        "samples-of-a-dataset": {"calibration_samples": 8},
    },
    "compression_types.SparseConfig": {
        "n-of-m": {"pattern": "semi_structured", "n": 4, "m": 2},
        "n-with-m": {"m": 4},
        "n-m-of-semi-structured": {"n": 2, "m": 4},
        "block-size-of-blocks": {"block_size": 16},
    },
    "compression_types.SpeculativeDecodingConfig": {"model-that-drafts": {"enabled": True}},
    "heterogeneous_types.KVOffloadStats": {
        f"{start}{verb}-{what}-of-started": {f"{start.replace('-', '_')}{verb}_{what}": 1}
        for start in ("", "nvme-")
        for verb in ("offload", "restore")
        for what in ("failures", "tokens")
    },
    "kv.operations.KVCacheAllocateRequest": {"token-span": {"num_tokens": 4, "token_end": 3}},
    "kv.operations.KVCacheAllocateResponse": {
        "handle-of-success": {"success": True},
        "nothing-without-success": {"allocated_bytes": 1},
        "no-place-without-success": {"actual_device": "cpu"},
        "reuse-by-a-hit": {"reused_bytes": 1},
        "error-of-failures": {"success": True, "handle": HANDLE, "error": FAILURE},
    },
    "kv.operations.KVCacheEvictResponse": {
        "evictions-counted": {"evicted_handles": [ONE], "eviction_count": 2},
        "freed-by-evictions": {"evicted_tokens": 1},
        "error-of-failures": {"success": True, "error": FAILURE},
    },
    "kv.operations.KVCacheFreeResponse": {
        **_LISTED,
        "done-or-failed": {"success": False, "failed_handles": [ONE], "freed_handles": [ONE, TWO]},
        "freed-by-handles": {"freed_bytes": 1},
    },
    "kv.operations.KVCacheMigrateResponse": {
        **_LISTED,
        "done-or-failed": {"success": False, "failed_handles": [ONE], "migrated_handles": [ONE, TWO]},
        "mapping-of-migrated": {"handle_mapping": {str(ONE): TWO}},
        "success-did-not-fail": {"success": True, "transfer_status": TransferStatus.CANCELLED},
    },
    "kv.types.KVHandle": {
        "token-span": {"token_start": 4},
        "span-of-its-tokens": {"token_end": 5},
        "allocated-has-references": {"ref_count": 0},
        "cached-has-no-references": {"state": KVBlockState.CACHED},
        "pinned-has-pins": {"state": KVBlockState.PINNED},
        "free-is-held-by-nobody": {"state": KVBlockState.FREE, "ref_count": 0, "pin_count": 1},
        "free-is-at-rest": {"state": KVBlockState.FREE, "ref_count": 0, "is_transferring": True, "transfer_id": ONE},
        "compressed-by-something": {"is_compressed": True},
        "transferring-by-a-transfer": {"is_transferring": True},
        "used-after-created": {"created_at": 2.0, "last_access": 1.0},
    },
    "kv.types.KVPoolStats": {
        "tokens-add-up": {"available_tokens": 5},
        "bytes-add-up": {"allocated_bytes": 6},
        "blocks-add-up": {"allocated_blocks": 4},
        "pinned-blocks-hold-something": {"pinned_blocks": 4},
        "frees-of-allocations": {"free_count": 1},
        "unpins-of-pins": {"pin_count": 1, "unpin_count": 2},
    },
    "kv.types.KVTransferMetadata": {
        "layer-span": {"layer_start": 2},
        "token-span": {"token_end": 0},
        "shard-below-count": {"shard_id": 1},
        "shard-within-transfer": {"offset": 60, "length": 5},
        "compressed-by-something": {"is_compressed": True},
        "original-size-of-compressed": {"original_size": 1},
        "started-after-created": {"status": "in_progress", "created_at": 2.0, "started_at": 1.0},
        "completed-after-started": {"status": "completed", "started_at": 2.0, "completed_at": 1.0},
        "pending-is-not-started": {"started_at": 1.0},
        "completed-at-the-end": {"status": "in_progress", "completed_at": 1.0},
    },
    "kv.types.PrefixCacheEntry": {
        "hash-of-the-handle": {"handle": {**specimens.minimal(KVHandle), "handle_id": str(ONE), "prefix_hash": "b"}},
        "handle-holds-the-prefix": {"prefix_tokens": [1, 2]},
        "reuse-by-hits": {"last_hit_at": 1.0},
        "hit-after-created": {"hit_count": 1, "created_at": 2.0, "last_hit_at": 1.0},
    },
    "kv.types.SchedulerPlan": {
        "size-of-the-batch": {"batch_size": 2},
        "tokens-of-the-batch": {"total_kv_tokens": 2},
        "memory-of-the-batch": {"total_memory_mb": 2.9},
        "places-of-the-batch": {"placement": {"other": "worker"}},
    },
    "kv.types.SchedulerRequest": {
        "within-max-new-tokens": {"generated_len": 5},
        "hit-within-prompt": {"prefix_hit_len": 5},
        "scheduled-after-queued": {"queued_at": 2.0, "scheduled_at": 1.0},
    },
    "kv_hooks.KVHookPayload": {
        "handle-where-there-is-one": {"event": KVHookEvent.ALLOCATE_BEFORE},
        "reason-of-evictions": {"evict_reason": KVEvictReason.TTL_EXPIRED},
        "no-time-before": {"event": KVHookEvent.FREE_BEFORE, "elapsed_ms": 1.0},
        "no-failure-before": {"event": KVHookEvent.FREE_BEFORE, "success": False},
        "error-of-failures": {"error_message": "gone"},
    },
    "openai_types.ChatCompletionResponse": {
        "one-of-each-index": {"choices": [ChatCompletionChoice(index=1, message=TURN, finish_reason="stop")] * 2},
    },
    "openai_types.ChatCompletionRequest": {
        "top-logprobs-of-logprobs": {"top_logprobs": 2},
        **_STREAMED,
        "choice-among-tools": {"tool_choice": "required"},
        **_BIAS,
        "audio-as-it-is-asked-for": {"modalities": ["text", "audio"]},
    },
    "openai_types.ChatCompletionStreamResponse": {"one-of-each-index": {"choices": [CHUNK, CHUNK]}},
    "openai_types.ChatCompletionUsage": _SUM,
    "openai_types.ChatMessage": {
        "something-is-said": {"content": None},
        "answers-a-call": {"role": "tool"},
        "names-the-function": {"role": "function"},
        "assistants-call": {"tool_calls": []},
    },
    "openai_types.ChatTokenLogprob": _LIKELY,
    "openai_types.ChatTopLogprob": _LIKELY,
    "openai_types.CompletionLogprobs": {
        "text-offset-of-the-tokens": {"text_offset": [0, 1]},
        "token-logprobs-of-the-tokens": {"token_logprobs": []},
        "top-logprobs-of-the-tokens": {"top_logprobs": []},
    },
    "openai_types.CompletionRequest": {
        "of-one-kind": {"prompt": ["Hi", 1]},
        "best-of-at-least-n": {"best_of": 1, "n": 2},
        **_STREAMED,
        **_BIAS,
    },
    "openai_types.EmbeddingRequest": {"of-one-kind": {"input": [1, [2]]}},
    "openai_types.CompletionResponse": {
        "one-of-each-index": {"choices": [CompletionChoice(index=0, text=text, finish_reason=None) for text in "ab"]},
    },
    "openai_types.CompletionUsage": _SUM,
    "openai_types.EmbeddingResponse": {"one-of-each-index": {"data": [EmbeddingData(embedding=[], index=0)] * 2}},
    "openai_types.EmbeddingUsage": {"total-is-the-prompt": {"total_tokens": 2}},
    "operator_mapping.OperatorConstraint": {"batch-sizes-in-order": {"min_batch_size": 2, "max_batch_size": 1}},
    "operator_mapping.OperatorMapping": {
        "constraints-that-can-hold": {"constraints": OperatorConstraint(dtype=DType.INT4)},
    },
    "operator_mapping.OperatorRegistrySnapshot": {
        "total-of-the-operators": {"registered_operators": [KERNEL, KERNEL]},
        "total-of-all-types": {"operators_by_type": {"linear": 1, "relu": 1}},
        "total-of-all-backends": {"operators_by_backend": {"b": 2}},
    },
    "operator_mapping.PhysicalOperator": {
        **_ELSEWHERE,
        "constraints-of-its-family": {"constraints": OperatorConstraint(kernel_kind=KernelKind.SOFTMAX)},
    },
    "pd_sep_types.KVTransferRequest": {"another-place": {"src_engine_id": "b"}},
    "pd_sep_types.KVTransferResult": {
        "error-of-failures": {"error": "gone"},
        "nothing-moved-while-pending": {"state": "pending", "bytes_transferred": 1},
    },
    "sampling.SamplingParams": {
        "temperature-to-sample-at": {"strategy": "sampling", "temperature": 0.0},
        "beams-to-search": {"strategy": "beam_search", "beam_size": 1},
    },
    "timestamps.Timestamps": {
        "scheduled-after-queued": {"queued_at": 2.5},
        "executed-after-scheduled": {"scheduled_at": 3.5},
        "completed-after-executed": {"completed_at": 2.9},
    },
    "types.Metrics": {
        "evictions-counted": {"evict_ms": 1.0},
        "transfers-counted": {"kv_transfer_ms": 1.0},
        "latencies-not-negative": {"itl_list": [2.0, -1.0]},
        "latencies-fit-decode-time": {"itl_list": [50.0, 60.0], "decode_ms": 125.0},
        "tbt-is-the-mean-latency": {"itl_list": [50.0, 70.0], "tbt_ms": 67.0},
    },
    "types.Request": {
        "one-input": {"prompt": "Hi", "messages": [TURN]},
        "world-size-of-rank": {"rank": 0},
        "rank-below-world-size": {"rank": 1, "world_size": 1},
        "tp-size-of-rank": {"tp_rank": 0},
        "tp-rank-below-size": {"tp_rank": 2, "tp_size": 2},
        "pp-size-of-rank": {"pp_rank": 0},
        "pp-rank-below-size": {"pp_rank": 2, "pp_size": 2},
        "room-for-the-layout": {"world_size": 3, "tp_size": 2, "pp_size": 2},
        "no-ids-beside-text": {"prompt_token_ids": [1], "prompt": "Hi"},
        **_BIAS,
    },
    "types.Response": {**_FAILED, **_CACHED, "logprobs-of-the-tokens": {"output_tokens": [2], "logprobs": [TOKEN]}},
    "types.StreamEventDelta": {"logprobs-of-the-tokens": {"content_tokens": [1, 1], "logprobs": [TOKEN]}},
    "types.StreamEventEnd": {
        "error-if-and-only-if-failed": {"finish_reason": "error"},
        **_CACHED,
        "logprobs-of-the-tokens": {"output_tokens": [], "logprobs": [TOKEN]},
    },
    "types.TokenLogprob": _LIKELY,
    "types.TokenLogprobs": _LIKELY,
}
"""Message to rule to fields."""


class Case(NamedTuple):
    """A message that breaks one rule."""

    name: str
    rule: str
    broken: Any

    def __str__(self) -> str:
        return f"{self.name}:{self.rule}"


def keeping(name: str) -> dict[str, Any]:
    """Arguments for a message that keeps all rules."""
    return {**specimens.minimal(catalog.get(name)), **KEEPING.get(name, {})}


def cases() -> Iterator[Case]:
    for name, rules in BREAKING.items():
        for rule, fields in rules.items():
            yield Case(name, rule, catalog.get(name)(**{**keeping(name), **fields}))
