"""Code that works with 0.5.4.16 and not with this package, by the rule that finds it; and code that works with both.

Each is run by itself after the preamble, with either package.
"""

from __future__ import annotations

PREAMBLE = """\
import bisect, contextlib, copy, dataclasses, heapq, json, math, operator, random
from typing import Any, List, Sequence
import pydantic
from pydantic import BaseModel, ValidationError
import sagellm_protocol as sp
from sagellm_protocol import Error, HeteroSchedulingHint, Metrics, Request, Response, StreamEventDelta
from sagellm_protocol.kv_hooks import KVAllocateParams

plain = {"request_id": "r", "trace_id": "t", "max_tokens": 1}
numbers = {"ttft_ms": 1.0, "throughput_tps": 1.0, "peak_mem_mb": 1, "error_rate": 0.0}
request = Request(request_id="r", trace_id="t", max_tokens=1)
metrics = Metrics(ttft_ms=1.0, throughput_tps=1.0, peak_mem_mb=1, error_rate=0.0)
response = Response(
    request_id="r", trace_id="t", output_text="x", output_tokens=[2, 1], finish_reason="stop", metrics=metrics
)
delta = StreamEventDelta(request_id="r", trace_id="t", engine_id="e", content="x", content_tokens=[1])
hint = HeteroSchedulingHint(extra={"a": [1]})
"""

BROKEN: dict[str, list[str]] = {
    "SLP101": [
        "request.model_dump()",
        'request.model_dump(mode="json")',
        "request.model_dump_json()",
        "Request.model_validate(plain)",
        'Request.model_validate_json(\'{"request_id": "r", "trace_id": "t", "max_tokens": 1}\')',
        'request.model_copy(update={"prompt": "x"})',
        "request.copy()",
        "request.dict()",
        "request.json()",
        "Request.parse_obj(plain)",
        "Request.model_json_schema()",
        "list(Request.model_fields)",
        "list(request.model_fields_set)",
        "Request.model_construct(**plain)",
        "Request.construct(**plain)",
        "Request.__fields__",
    ],
    "SLP201": [
        'request.prompt = "x"',
        "request.max_tokens += 1",
        "del request.prompt",
        'setattr(request, "prompt", "x")',
        'delattr(request, "prompt")',
        'request.__setattr__("prompt", "x")',
        "response.metrics.ttft_ms = 2.0",
        'copied = copy.copy(request)\ncopied.prompt = "x"',
        'copied = copy.deepcopy(request)\ncopied.prompt = "x"',
        "hint.allow_cpu_fallback = False",
        'first, request.prompt = 1, "x"',
        'for request.prompt in ["x"]: pass',
    ],
    "SLP202": [
        "response.output_tokens.append(3)",
        "response.output_tokens[0] = 3",
        "del response.output_tokens[0]",
        "tokens = response.output_tokens\ntokens += [3]",
        "response.output_tokens.sort()",
        "response.output_tokens.copy()",
        'hint.extra["b"] = 1',
        'hint.extra["a"].append(2)',
        "hint.extra.update(b=1)",
        'extra = hint.extra\nextra |= {"b": 1}',
        "random.shuffle(response.output_tokens)",
        "heapq.heappush(response.output_tokens, 3)",
        "append = response.output_tokens.append\nappend(3)",
    ],
    "SLP301": [
        "assert isinstance(response.output_tokens, list)",
        "assert isinstance(response.output_tokens, (list, set))",
        "assert type(response.output_tokens) is list",
        "assert type(hint.extra) == dict",
        "match response.output_tokens:\n    case list(): pass\n    case _: 1 / 0",
        "match response.output_tokens:\n    case list() as found: pass\n    case _: 1 / 0",
        'assert isinstance(hint.extra["a"], list)',
    ],
    "SLP302": [
        "assert isinstance(request, BaseModel)",
        "assert issubclass(Request, BaseModel)",
        "assert isinstance(request, (BaseModel, str))",
    ],
    "SLP401": [
        "class Mine(Request):\n    tenant: str = ''\nMine(tenant='x', **plain)",
        "class Mine(Request, BaseModel):\n    pass",
        "class Model(BaseModel):\n    pass\nclass Mine(Request, Model):\n    pass",
        "@dataclasses.dataclass\nclass Mine(HeteroSchedulingHint):\n    tenant: str = ''\nMine(tenant='x')",
        'pydantic.create_model("Mine", __base__=Request, tenant=(str, ""))',
    ],
    "SLP402": [
        'class Mine(Request):\n    model_config = {"extra": "forbid"}\n'
        'try:\n    Mine(request_id="", trace_id="", max_tokens=1, x=1)\n'
        "except pydantic.ValidationError:\n    pass",
        'class Mine(Request):\n    @pydantic.field_validator("prompt")\n'
        '    def none(cls, value): raise ValueError("no")\n'
        'try:\n    Mine(prompt="x", **plain)\nexcept ValueError:\n    pass\nelse:\n    1 / 0',
        "class Mine(Request):\n    def model_post_init(self, context): raise RuntimeError\n"
        "try:\n    Mine(**plain)\nexcept RuntimeError:\n    pass\nelse:\n    1 / 0",
        "class Mine(Request):\n    def __init__(self, text, **rest): super().__init__(prompt=text, **rest)\n"
        'Mine("x", **plain)',
    ],
    "SLP501": [
        'Request(promt="x", request_id="r", trace_id="t", max_tokens=1)',
        'StreamEventDelta(request_id="r", trace_id="t", engine_id="e", content="x", content_tokens=[1], chunk="x")',
        'Response(request_id="r", trace_id="t", output_text="", output_tokens=[], finish_reason="stop", '
        'metrics={"ttft_ms": 1.0, "throughput_tps": 1.0, "peak_mem_mb": 1, "error_rate": 0.0, "ttft": 1})',
        'request.model_copy(update={"promt": "x"})',
        'Request.model_construct(promt="x", request_id="r", trace_id="t", max_tokens=1)',
        'Request.parse_obj({"request_id": "r", "trace_id": "t", "max_tokens": 1, "promt": 1})',
    ],
    "SLP503": [
        'Request(request_id="r", trace_id="t", max_tokens="3")',
        'Request(request_id="r", trace_id="t", max_tokens="3.0")',
        'Request(request_id="r", trace_id="t", max_tokens=True)',
        'Request(request_id="r", trace_id="t", max_tokens=2.0)',
        'Request(request_id="r", trace_id="t", max_tokens=1, stream=1)',
        'Request(request_id="r", trace_id="t", max_tokens=1, stream="yes")',
        'Request(request_id="r", trace_id="t", max_tokens=1, temperature="0.5")',
        'Request(request_id=b"r", trace_id="t", max_tokens=1)',
        'Metrics(ttft_ms=float("inf"), throughput_tps=1.0, peak_mem_mb=1, error_rate=0.0)',
        "Metrics(ttft_ms=math.inf, throughput_tps=1.0, peak_mem_mb=1, error_rate=0.0)",
        "HeteroSchedulingHint(extra={1: 2})",
        'HeteroSchedulingHint(extra={"a": {1}})',
        'HeteroSchedulingHint(extra={"a": [b"x"]})',
        *(
            'Response(request_id="r", trace_id="t", output_text="", finish_reason="stop", metrics=metrics, '
            f"output_tokens={tokens})"
            for tokens in ("{1, 2}", "(n for n in [1])", "map(int, '12')", "['1']")
        ),
        'Response(request_id="r", trace_id="t", output_text="", output_tokens=[], finish_reason="stop", '
        'metrics={"ttft_ms": "1", "throughput_tps": 1.0, "peak_mem_mb": 1, "error_rate": 0.0})',
    ],
    "SLP601": [
        "try:\n    Request(max_tokens=0, request_id='', trace_id='')\nexcept ValidationError:\n    pass",
        "try:\n    Request(max_tokens=0, request_id='', trace_id='')\n"
        "except (KeyError, pydantic.ValidationError):\n    pass",
        "with contextlib.suppress(ValidationError):\n    Request(max_tokens=0, request_id='', trace_id='')",
        "def build():\n    return Request(max_tokens=0, request_id='', trace_id='')\n"
        "try:\n    build()\nexcept ValidationError:\n    pass",
    ],
    "SLP701": [
        "assert response.output_tokens == [2, 1]",
        "assert [2, 1] == response.output_tokens",
        "assert response.output_tokens[:1] == [2]",
        "assert not response.output_tokens != [2, 1]",
        'assert hint.extra == {"a": [1]}',
        'assert hint.extra["a"] == [1]',
        "import unittest\nunittest.TestCase().assertEqual(response.output_tokens, [2, 1])",
        "import unittest\nunittest.TestCase().assertListEqual([2, 1], response.output_tokens)",
    ],
    "SLP702": [
        "response.output_tokens + [3]",
        "[3] + response.output_tokens",
        "response.output_tokens < [3]",
        "sum([response.output_tokens], [])",
    ],
    "SLP703": [
        "import numpy\nassert numpy.arange(9)[response.output_tokens].tolist() == [2, 1]",
    ],
    "SLP704": [
        '"%s" % response.output_tokens',
        'text = "%s"\ntext % response.output_tokens',
    ],
    "SLP801": [
        "dict(request)",
        "list(request)",
        "for name, value in request: pass",
        "[name for name, value in request]",
        "[*request]",
        "a, b, *rest = request",
    ],
    "SLP802": [
        "request.__dict__",
        "vars(request)",
        "json.dumps(request.__dict__)",
    ],
}
"""Rule to code that works with 0.5.4.16 alone."""

WORKING: list[str] = [
    "assert sorted(response.output_tokens) == [1, 2]",
    "assert list(response.output_tokens) == [2, 1]",
    "assert isinstance(response.output_tokens, (list, tuple))",
    "assert isinstance(response.output_tokens, Sequence)",
    "assert isinstance(hint.extra, dict)",
    'assert json.dumps(response.output_tokens) == "[2, 1]"',
    "tokens = list(response.output_tokens)\ntokens.append(1)\n"
    "tokens += response.output_tokens\nassert tokens == [2, 1, 1, 2, 1]",
    "tokens = []\ntokens.extend(response.output_tokens)\nassert tokens == [2, 1]",
    "assert [*response.output_tokens, 3] == [2, 1, 3]",
    "assert response.output_tokens + response.output_tokens",
    'extra = dict(hint.extra)\nextra["b"] = 1',
    'extra = {**hint.extra, "b": 1}\nextra.pop("b")',
    'extra = hint.extra.copy()\nextra["b"] = 1',
    'extra = hint.extra | {"b": 1}\nextra["c"] = 1',
    'assert HeteroSchedulingHint(extra={"b": 1}).extra == {"b": 1}',
    'f"{response.output_tokens}"',
    '"%s %s" % (response.output_tokens, 1)',
    "try:\n    Request(max_tokens=0, request_id='', trace_id='')\nexcept ValueError:\n    pass",
    "class Own(BaseModel):\n    tags: list[str] = []\n"
    "own = Own()\nown.tags.append('x')\nown.tags = ['y']\nown.model_dump()",
    "class Own(BaseModel):\n    number: int\ntry:\n    Own(number='x')\nexcept ValidationError:\n    pass",
    "class Mine(Request):\n    def shout(self): return self.request_id.upper()\nassert Mine(**plain).shout() == 'R'",
    'match request:\n    case Request(request_id="r"): pass\n    case _: 1 / 0',
    "match response.output_tokens:\n    case [2, 1]: pass\n    case _: 1 / 0",
    "Response(\n    request_id='r', trace_id='t', output_text='', output_tokens=(1, 2), finish_reason='stop', metrics=metrics\n)",
    "Metrics(ttft_ms=1, throughput_tps=1, peak_mem_mb=1, error_rate=0)",
    "Request(request_id='r', trace_id='t', max_tokens=1, messages=[{'role': 'user', 'content': 'x', 'extra': 1}])",
    "assert response.output_tokens is not None and len(response.output_tokens) == 2",
    "array = {(2, 1): 'x'}\nassert isinstance(array, dict)",
    "request = {'prompt': ''}\nrequest['prompt'] = 'x'",
    "hash(str(request))",
    "import sagellm_protocol as sp\nshape = sp.LogicalOperator(name='m', op_type=sp.OperatorType.LINEAR, input_shapes=[(1,)], "
    "output_shape=(1, 2)).output_shape\nassert shape == (1, 2) and isinstance(shape, tuple) and shape + (3,)",
]
"""Code that works with both, some of it for reasons that are easily missed."""
