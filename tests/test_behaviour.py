"""Every name, constant and function of the newest published release is here and answers as recorded."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import operator
from collections.abc import Callable, Mapping
from enum import Enum
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

import sagellm_protocol.types
from published import DATA
from sagellm_protocol.backend_types import (
    CapabilityDescriptor,
    DType,
    KernelKind,
    format_device_str,
    parse_device_str,
)
from sagellm_protocol.heterogeneous_types import HeteroSchedulingHint, KVOffloadSpec, KVOffloadStats
from sagellm_protocol.kv.errors import KVErrorCode, is_retryable
from sagellm_protocol.model import to_plain
from sagellm_protocol.model.exceptions import ValidationError
from sagellm_protocol.openai_types import ModelInfo
from sagellm_protocol.operator_mapping import OperatorRegistryEntry, PhysicalOperator
from sagellm_protocol.ports import SageLLMPorts, SagePorts
from sagellm_protocol.protocol_version import (
    BACKWARD_COMPATIBLE_SINCE,
    CURRENT_VERSION,
    FROZEN_INTERFACES,
    ProtocolVersion,
    get_interface_since_version,
    is_interface_frozen,
    negotiate_version,
)
from sagellm_protocol.sampling import DEFAULT_SAMPLING_PARAMS, DecodingStrategy, SamplingParams, SamplingPreset

BEHAVIOUR = json.loads((DATA / "behaviour.json").read_text(encoding="utf-8"))
SURFACE = json.loads((DATA / "surface.json").read_text(encoding="utf-8"))


def plain(value: Any) -> Any:
    """``value`` as the recorded facts write it."""
    if hasattr(type(value), "__message__"):
        return to_plain(value)
    if isinstance(value, ProtocolVersion):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, type):
        return {name: number for name, number in vars(value).items() if not name.startswith("_")}
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(map(plain, value))
    if isinstance(value, tuple):
        return list(map(plain, value))
    return value


def check(call: Callable[[], Any], outcome: Mapping[str, Any]) -> None:
    """``call`` returns or raises as recorded."""
    if "raises" in outcome:
        expected = {"ValueError": ValueError, "NotImplementedError": NotImplementedError}[outcome["raises"]]
        with pytest.raises(expected) as caught:
            call()
        assert len(str(caught.value)) > 20, "the message must say what was given and what was expected"
    else:
        assert plain(call()) == outcome["returns"]


def table(section: str) -> pytest.MarkDecorator:
    """One test for each recorded pair of input and outcome."""
    return pytest.mark.parametrize(
        ("given", "outcome"), [pytest.param(*row, id=json.dumps(row[0])) for row in BEHAVIOUR[section]]
    )


def found(name: str) -> Any:
    """What a recorded dotted name stands for: ``.X`` in the package, ``kv.errors.X`` in a module of it."""
    path, _, attribute = name.rpartition(".")
    module = importlib.import_module(f"sagellm_protocol.{path}" if path else "sagellm_protocol")
    return getattr(module, attribute)


# Names and constants


@pytest.mark.parametrize(("module", "name"), [(m, name) for m, names in SURFACE["exports"].items() for name in names])
def test_name_is_importable(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize(("name", "value"), SURFACE["constants"].items())
def test_constant(name: str, value: Any) -> None:
    constant = found(name)
    assert plain(constant) == value
    if isinstance(constant, Mapping):
        assert list(constant) == list(value)
    assert not isinstance(constant, list | set), "a constant cannot change"
    if isinstance(constant, Mapping):
        with pytest.raises(TypeError):
            operator.setitem(constant, "new", "value")  # type: ignore[call-overload]


@pytest.mark.parametrize(("name", "signature"), SURFACE["functions"].items())
def test_function_takes_the_published_arguments(name: str, signature: str) -> None:
    check_arguments(found(name), signature)


@pytest.mark.parametrize(("name", "signature"), BEHAVIOUR["signatures"].items())
def test_method_takes_the_published_arguments(name: str, signature: str) -> None:
    check_arguments(getattr(CapabilityDescriptor, name), signature)


def check_arguments(function: Callable[..., Any], signature: str) -> None:
    (published,) = ast.parse(f"def function{signature}: ...").body
    assert isinstance(published, ast.FunctionDef)
    parameters = inspect.signature(function).parameters.values()
    assert all(each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for each in parameters)
    assert [each.name for each in parameters] == [each.arg for each in published.args.args]
    defaults = [each.default for each in parameters if each.default is not inspect.Parameter.empty]
    assert defaults == [ast.literal_eval(each) for each in published.args.defaults]


def test_short_names() -> None:
    assert found(".StartEvent") is sagellm_protocol.types.StreamEventStart
    assert found(".DeltaEvent") is sagellm_protocol.types.StreamEventDelta
    assert found(".EndEvent") is sagellm_protocol.types.StreamEventEnd
    assert SagePorts is SageLLMPorts


# Devices


@table("parse_device_str")
def test_parse_device_str(given: str, outcome: Any) -> None:
    check(lambda: parse_device_str(given), outcome)


@table("format_device_str")
def test_format_device_str(given: list[Any], outcome: Any) -> None:
    check(lambda: format_device_str(*given), outcome)


def capable() -> CapabilityDescriptor:
    """The device that ``given`` of the recorded facts describes."""
    values: dict[str, Any] = {}
    for item in BEHAVIOUR["CapabilityDescriptor"]["given"].split(", "):
        name, value = item.split("=")
        values[name] = (
            value[1:-1].split(",") if value.startswith("[") else {"True": True, "False": False}.get(value, value)
        )
    return CapabilityDescriptor(**values)


ARGUMENTS = {"dtype": DType, "kernel": KernelKind, "collective": str}


@pytest.mark.parametrize(
    ("call", "outcome"), [item for item in BEHAVIOUR["CapabilityDescriptor"].items() if item[0] != "given"]
)
def test_capabilities(call: str, outcome: Any) -> None:
    method, _, argument = call.rstrip(")").partition("(")
    arguments = [ARGUMENTS[method.partition("_")[2]](argument)] if argument else []
    bound = getattr(capable(), method)
    check(lambda: bound(*arguments), outcome if isinstance(outcome, dict) else {"returns": outcome})


@pytest.mark.parametrize(("method", "outcome"), BEHAVIOUR["CapabilityDescriptor()"].items())
def test_capabilities_of_an_unknown_device(method: str, outcome: Any) -> None:
    check(lambda: getattr(CapabilityDescriptor(), method)("all_reduce"), outcome)


def test_a_missing_capability_is_named_with_those_there_are() -> None:
    device = CapabilityDescriptor(device_name="A100", device_type="cuda", supported_dtypes=[DType.FP16, DType.BF16])
    with pytest.raises(NotImplementedError, match=r"matmul in dtype 'fp8' .*'A100' .*'cuda'; it supports fp16, bf16"):
        device.require_dtype(DType.FP8, "matmul")
    with pytest.raises(NotImplementedError, match=r"'all_reduce' .*; it supports none"):
        device.require_collective("all_reduce")


def test_graph_execution_where_there_is_one() -> None:
    CapabilityDescriptor(has_graph_exec=True).require_graph_exec()


# Versions


@table("ProtocolVersion.parse")
def test_parse_version(given: str, outcome: Any) -> None:
    check(lambda: ProtocolVersion.parse(given), outcome)


@table("negotiate_version")
def test_negotiate_version(given: str, outcome: Any) -> None:
    check(lambda: negotiate_version(given), outcome)


@table("is_compatible_with")
def test_is_compatible_with(given: list[str], outcome: bool) -> None:
    here, other = map(ProtocolVersion.parse, given)
    assert here.is_compatible_with(other) is outcome


@table("is_interface_frozen")
def test_is_interface_frozen(given: str, outcome: bool) -> None:
    assert is_interface_frozen(given) is outcome


@table("get_interface_since_version")
def test_get_interface_since_version(given: str, outcome: str | None) -> None:
    assert get_interface_since_version(given) == outcome


def test_a_version_is_an_ordered_value() -> None:
    versions = [ProtocolVersion(1, 0), ProtocolVersion(0, 10), ProtocolVersion(minor=2, major=0)]
    assert [str(version) for version in sorted(versions)] == ["0.2", "0.10", "1.0"]
    assert len({ProtocolVersion(0, 1), CURRENT_VERSION}) == 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        CURRENT_VERSION.major = 1  # type: ignore[misc]


def test_frozen_interfaces_exist() -> None:
    for name in FROZEN_INTERFACES | BACKWARD_COMPATIBLE_SINCE.keys():
        assert found(f".{name}")


# Sampling


@pytest.mark.parametrize(("preset", "params"), BEHAVIOUR["presets"].items())
def test_preset(preset: str, params: dict[str, Any]) -> None:
    assert to_plain(SamplingPreset.get_params(SamplingPreset(preset))) == params
    assert to_plain(SamplingPreset.get_params(preset)) == params  # type: ignore[arg-type]


def test_every_preset_is_recorded() -> None:
    assert {preset.value for preset in SamplingPreset} == set(BEHAVIOUR["presets"])
    with pytest.raises(ValueError, match="'wild'"):
        SamplingPreset.get_params("wild")  # type: ignore[arg-type]


@table("derived_strategy")
def test_derived_strategy(given: dict[str, Any], outcome: str) -> None:
    params = SamplingParams(**given)
    assert params.strategy is DecodingStrategy(outcome)
    assert to_plain(params)["strategy"] == outcome


@table("validate_strategy_params")
def test_validate_strategy_params(given: dict[str, Any], outcome: Any) -> None:
    check(SamplingParams(**given).validate_strategy_params, outcome)


def test_a_strategy_without_what_it_needs_is_told_by_field() -> None:
    params = SamplingParams(strategy=DecodingStrategy.BEAM_SEARCH, beam_size=1)
    with pytest.raises(ValidationError) as caught:
        params.validate_strategy_params()
    (violation,) = caught.value.violations
    assert (violation.path, violation.value) == ("beam_size", "1")


def test_the_default_parameters_are_greedy() -> None:
    assert SamplingParams(strategy=DecodingStrategy.GREEDY) == DEFAULT_SAMPLING_PARAMS
    assert SamplingParams() != DEFAULT_SAMPLING_PARAMS


# Heterogeneous scheduling


def test_scheduling_hint_as_a_dict() -> None:
    assert HeteroSchedulingHint().to_dict() == BEHAVIOUR["HeteroSchedulingHint().to_dict"]


@pytest.mark.parametrize(
    ("given", "section"),
    [
        ({}, "HeteroSchedulingHint.from_dict({})"),
        (BEHAVIOUR["from_dict full"], "from_dict full"),
    ],
)
def test_scheduling_hint_from_a_dict(given: dict[str, Any], section: str) -> None:
    assert HeteroSchedulingHint.from_dict(given).to_dict() == BEHAVIOUR[section]


def test_scheduling_hint_lets_unknown_keys_pass() -> None:
    expected = ast.literal_eval(BEHAVIOUR["from_dict unknown"]["returns"])
    assert HeteroSchedulingHint.from_dict({"unknown": 1}).to_dict() == expected


def test_scheduling_hint_rejects_an_unknown_device() -> None:
    check(lambda: HeteroSchedulingHint.from_dict({"preferred_device": "unknown"}), BEHAVIOUR["from_dict bad"])


def test_offload_as_a_dict() -> None:
    expected = BEHAVIOUR["KVOffloadSpec.to_dict"]
    required = {name: expected[name] for name in ("handle_id", "src_device", "dst_device")}
    assert KVOffloadSpec(**required).to_dict() == expected
    assert KVOffloadStats().to_dict() == BEHAVIOUR["KVOffloadStats.to_dict"]


# Errors of the KV cache


def test_every_kv_error_is_recorded() -> None:
    assert {code.value for code in KVErrorCode} == set(BEHAVIOUR["is_retryable"])


@pytest.mark.parametrize(("code", "outcome"), BEHAVIOUR["is_retryable"].items())
def test_is_retryable(code: str, outcome: bool) -> None:
    assert is_retryable(KVErrorCode(code)) is outcome


# Records within one process


def test_registry_entry_takes_its_values_in_order() -> None:
    kernel = PhysicalOperator(kernel_name="k", backend="b", device="cpu", dtype="fp16", kernel_kind="matmul")
    assert OperatorRegistryEntry(kernel) == OperatorRegistryEntry(kernel, None, {})
    entry = OperatorRegistryEntry(kernel, len, {"by": "test"})
    assert (entry.kernel_callable, entry.registration_metadata) == (len, {"by": "test"})
    first, second = OperatorRegistryEntry(kernel), OperatorRegistryEntry(kernel)
    assert first.registration_metadata is not second.registration_metadata


def test_created_is_now_where_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagellm_protocol.openai_types._clock.time", SimpleNamespace(time=lambda: 1_700_000_000.9))
    assert ModelInfo(id="m").created == 1_700_000_000
    assert ModelInfo(id="m", created=5).created == 5
