"""How values are followed: code whose lines say what is to be found in them, and nothing else is."""

from __future__ import annotations

import ast
import re
import sys

import pytest

from lint.snippets import PREAMBLE
from sagellm_protocol.lint import Report, lint_text

HEAD = PREAMBLE + (
    "import asyncio, collections, functools, itertools, operator, threading, typing, typing as t\n"
    "from typing import AsyncIterator, Annotated, ClassVar, Final, Literal, NamedTuple, Optional, Type, TypeAlias, Union, cast\n"
    "from sagellm_protocol import ChatCompletionRequest, ChatMessage, StreamEvent, codecs, evolve\n"
)
LINES = HEAD.count("\n")
MARK = re.compile(r"# (SLP\d{3}(?: SLP\d{3})*)(?: silent)?$")


def found(report: Report) -> set[tuple[int, str]]:
    return {(finding.line - LINES, finding.rule) for finding in report.findings}


def expected(code: str) -> set[tuple[int, str]]:
    lines = enumerate(code.splitlines(), 1)
    return {(number, rule) for number, line in lines if (mark := MARK.search(line)) for rule in mark[1].split()}


CASES = {
    "annotations": """
def a(r: "Request"): r.prompt = ""  # SLP201
def b(r: Optional[Request]): r.prompt = ""  # SLP201
def c(r: "Request | None"): r.prompt = ""  # SLP201
def d(r: Union[str, Request]): r.prompt = ""  # SLP201
def e(r: Annotated[Request, "x"]): r.prompt = ""  # SLP201
def f(r: sp.Request): r.prompt = ""  # SLP201
def g(r: sp.types.Request): r.prompt = ""  # SLP201
def h(r: typing.Optional[sp.types.Request] = None): r.prompt = ""  # SLP201
def i(r: "not a type("): r.prompt = ""
def j(r: Literal["Request"]): r.prompt = ""
def k(r: type[Request]): r.model_validate({})  # SLP101
def l(r: Type[Request]): r().prompt = ""  # SLP201
def m(r: tuple[int, Request]): r[1].prompt = ""  # SLP201
def n(r: tuple[int, Request]): r[0].prompt = ""
def o(r: tuple[Request, ...]): r[5].prompt = ""  # SLP201
def p(r: tuple[int, Request]): r[x].prompt = ""  # SLP201
def q(r: tuple[int, Request]): r[7].prompt = ""
def r(r: typing.Callable[[Request], None]): r.prompt = ""
def s(r: list["Request"]): r[0].prompt = ""  # SLP201
def u(r: None): r.prompt = ""
def v(r: int): r.prompt = ""
def w(r: "x" "y"): r.prompt = ""
def x(r: typing.Coroutine[Any, Any, Request]): r.prompt = ""  # SLP201
def y(r: 3): r.prompt = ""
def z(r: list): r[0].prompt = ""
""",
    "aliases": """
Event = Union[StreamEvent, Response]
Small: TypeAlias = "Optional[Request]"
Asked = Request | None
def a(e: Event): e.finish_reason = "x"  # SLP201
def b(e: Asked): e.prompt = "x"  # SLP201
Rs = list[Request]
def c(e: Rs): e[0].prompt = "x"  # SLP201
def d():
    made = Rs()
    made[0].prompt = "x"  # SLP201
R = typing.TypeVar("R", Request, Response)
S = typing.TypeVar("S")
def e(x: R): x.prompt = "x"  # SLP201
def f(x: S): x.prompt = "x"
class_of = Request
class_of(**plain).prompt = "x"  # SLP201
type(request)(**plain).prompt = "x"  # SLP201
type(1)(2).x = 1
type("A", (), {}).x = 1
""",
    "iteration": """
def a(rs: list[Request]):
    for r in rs: r.prompt = ""  # SLP201
    for n, r in enumerate(rs): r.prompt = n  # SLP201
    for r, s in zip(rs, rs): s.prompt = ""  # SLP201
    for r in sorted(rs, key=lambda r: r.json()): r.prompt = ""  # SLP101 SLP201
    for r in reversed(rs): r.prompt = ""  # SLP201
    for r in filter(None, rs): r.prompt = ""  # SLP201
    for r in map(copy.copy, rs): r.prompt = ""
    for r in map(Request, rs): r.prompt = ""  # SLP201
    for r in map(lambda r: r.dict(), rs): r["a"] = 1  # SLP101
    for r in map(lambda r: r, rs): r.prompt = ""  # SLP201
    for r in map(rs): r.prompt = ""
    for r in filter(rs): r.prompt = ""
    for r in itertools.chain(rs, rs): r.prompt = ""  # SLP201
    for r in itertools.chain(): r.prompt = ""
    for r in itertools.islice(rs, 2): r.prompt = ""  # SLP201
    next(iter(rs)).prompt = ""  # SLP201
    next(iter(rs), None).prompt = ""  # SLP201
    max(rs, key=lambda r: r.max_tokens).prompt = ""  # SLP201
    min(rs[0], rs[1]).prompt = ""  # SLP201
    random.choice(rs).prompt = ""  # SLP201
    first, *rest = rs
    first.prompt = ""  # SLP201
    rest[0].prompt = ""  # SLP201
    *rest, last = rs
    last.prompt = ""  # SLP201
    [r, s] = rs
    s.prompt = ""  # SLP201
    (rs or [])[0].prompt = ""  # SLP201
    rs[:1][0].prompt = ""  # SLP201
    rs.pop().prompt = ""  # SLP201
    rs.copy()[0].prompt = ""  # SLP201
    rs.index(1).prompt = ""
    (rs + rs)[0].prompt = ""  # SLP201
    (rs * 2)[0].prompt = ""  # SLP201
    [*rs][0].prompt = ""  # SLP201
    {*rs}.pop().prompt = ""  # SLP201
    (*rs, 1)[0].prompt = ""  # SLP201
    rs.sort(key=lambda r: r.copy())  # SLP101
    rs.index(lambda r: r.copy())
    [r[0].copy() for *r, s in [rs]]  # SLP101
def b(rs: dict[str, Request]):
    rs["a"].prompt = ""  # SLP201
    rs.get("a").prompt = ""  # SLP201
    rs.get("a", request).prompt = ""  # SLP201
    rs.setdefault("a", request).prompt = ""  # SLP201
    rs.copy()["a"].prompt = ""  # SLP201
    for k, v in rs.items(): v.prompt = k  # SLP201
    for v in rs.values(): v.prompt = ""  # SLP201
    for k in rs: k.prompt = ""
    rs.popitem()[1].prompt = ""  # SLP201
    rs.keys().x = 1
    {**rs, "b": 1}["a"].prompt = ""  # SLP201
    dict(rs)["a"].prompt = ""  # SLP201
    dict(hint.extra)["a"].append(1)  # SLP202
    dict(1)["a"].prompt = ""
    collections.OrderedDict(rs)["a"].prompt = ""  # SLP201
    {k: v for k, v in rs.items()}["a"].prompt = ""  # SLP201
    [v for v in rs.values() if v][0].prompt = ""  # SLP201
    [v for v in rs.values() if isinstance(v, str)][0].prompt = ""
async def c(rs: AsyncIterator[Request]):
    async for r in rs: r.prompt = ""  # SLP201
    for r in await asyncio.gather(d(), d()): r.prompt = ""  # SLP201
    for r in await asyncio.gather(): r.prompt = ""
    (await asyncio.wait_for(d(), 1)).prompt = ""  # SLP201
async def d() -> Request: return request
def e(text: str):
    for letter in text: letter.x = 1
    text[0].x = 1
    text.split()[0].strip().x = 1
""",
    "what is free": """
hint.extra["a"]["b"] = 1  # SLP202
hint.extra["a"]["b"]["c"] = 1  # SLP202
hint.extra.get("a").append(1)  # SLP202
for key, value in hint.extra.items(): value.append(1)  # SLP202
for value in hint.extra.values(): value.update(a=1)  # SLP202
for value in hint.extra["a"]: value.append(1)  # SLP202
for value in hint.extra["a"].values(): value["b"] = 1  # SLP202
for key, value in hint.extra["a"].items(): value["b"] = key  # SLP202
hint.extra["a"].copy()["b"] = 1
hint.extra["a"].get("b").pop()  # SLP202
hint.extra["a"].keys().x = 1
del hint.extra["a"]  # SLP202
hint.extra["a"] += [1]  # SLP202
hint.extra.setdefault("a", 1)  # SLP202
a = hint.extra["a"]
a += [1]  # SLP202
a |= {}  # SLP202
a -= 1
if isinstance(hint.extra["a"], dict): hint.extra["a"].update(a=1)  # SLP202
b = hint.extra["a"]
if isinstance(b, str): b.append(a=1)
assert hint.extra != {"a": [1]}  # SLP701
""",
    "attributes of classes": """
class Plain:
    kept: Request
    quoted: "Request"
    tokens: list[int] = []
    def __init__(self, given: Request, other):
        self.given, self.other = given, other
        self.found = None
        self.many = []
        self.table = {}
        self.deep = self
    def set(self, request: Request):
        self.found = request
        self.many.append(request)
        self.table[request.request_id] = request
        self.tokens = response.output_tokens
        self.tokens.append(1)  # SLP202
        self.tokens = list(self.tokens)
        self.tokens.append(1)
    @property
    def newest(self): return self.many[-1]
    @functools.cached_property
    def cached(self) -> Request: return self.many[-1]
    @classmethod
    def make(cls): return cls(request, 1)
    @staticmethod
    def of(r): return r
    def use(self):
        self.kept.prompt = ""  # SLP201
        self.quoted.prompt = self.quoted.copy()  # SLP101 SLP201
        self.given.prompt = ""  # SLP201
        self.other.prompt = ""  # SLP201
        self.found.prompt = ""  # SLP201
        self.many[0].prompt = ""  # SLP201
        self.table["a"].prompt = ""  # SLP201
        self.newest.prompt = ""  # SLP201
        self.cached.prompt = ""  # SLP201
        self.make().given.prompt = ""  # SLP201
        Plain.make().given.prompt = ""  # SLP201
        Plain.of(request).prompt = ""  # SLP201
        self.deep.deep.deep.deep.deep.given.prompt = ""  # SLP201
        self.unknown.prompt = ""
        Plain.unknown.prompt = ""
        type(self).make().given.prompt = ""  # SLP201
        self.tokens.append(1)  # SLP202
class Below(Plain):
    def __init__(self, **rest):
        super().__init__(request, Response(**rest))
        super().set(request)
        self.given = self.given.copy()  # SLP101
    def __init_subclass__(cls): cls.make().given.prompt = ""  # SLP201
Below().given.prompt = ""  # SLP201
class Odd(Below, metaclass=type): pass
Odd().found.prompt = ""  # SLP201
def outside(): return super().x
class Sub(Request):
    def change(self): self.prompt = ""  # SLP201
def either(plain: Plain | Request):
    plain.many.append(1)
    plain.many[0].prompt = ""  # SLP201
def given(plain: Plain):
    plain.given.prompt = ""  # SLP201
    plain.given = None
    plain.given.prompt = ""
""",
    "branches": """
def a(x, flag):
    if isinstance(x, Request): x.prompt = ""  # SLP201
    elif isinstance(x, Response): x.output_text = ""  # SLP201
    elif isinstance(x, (Error, str)): x.message = ""  # SLP201
    else: x.prompt = ""
    x.prompt = ""  # SLP201
def b(x: Request | dict):
    if isinstance(x, dict):
        x["a"] = 1
        return
    x.prompt = ""  # SLP201
def c(x: Request | None):
    if x is None: return
    x.prompt = ""  # SLP201
    x = None if x is None else x.prompt
    x.prompt = ""
def d(x: Request | str, flag):
    if not isinstance(x, str) and flag: x.prompt = ""  # SLP201
    if flag or isinstance(x, Request): x.prompt = ""  # SLP201
    if isinstance(x, str) or x.dict(): pass  # SLP101
    y = x.prompt if isinstance(x, Request) else x.upper()
    if flag:
        x = {}
    else:
        x = []
    x.prompt = ""
def e(flag):
    previous = None
    for one in [request]:
        if previous: previous.prompt = ""  # SLP201
        previous = one
    while flag:
        if flag: break
        r = request
    else:
        r = request
    r.prompt = ""  # SLP201
    while (line := flag): pass
    for i in range(3):
        for j in range(3):
            for k in range(3): r.prompt = ""  # SLP201
def f(x: StreamEvent | dict):
    match x:
        case StreamDelta(): pass
        case StreamEventDelta(content=c) as d if d.model_dump(): d.content = c  # SLP101 SLP201
        case {"a": a, **rest}: rest["a"] = 1
        case [a, *b]: b.append(1)
        case other: other.content = ""  # SLP201
def tested(x, y: Optional[Request]):
    if isinstance(x, Request | Response): x.prompt = ""  # SLP201
    if listed(x): x.prompt = ""  # SLP201
    assert isinstance(y, Request), y.dict()  # SLP101
    if flag and ' and '.join(['x']) and not x: y.prompt = ""  # SLP201
def listed(x) -> list[int]: return x
def g(flag):
    if flag: raise ValueError from None
    else: return 1
    x.prompt = ""
def h():
    try:
        x = request
    except* (KeyError, OSError) if False else None: pass
""",
    "scopes": """
count = None
def a():
    global count
    count = request
    count.prompt = ""  # SLP201
def b(r: Request):
    def inner():
        r.prompt = ""  # SLP201
        def innermost(): r.prompt = ""  # SLP201
    r.prompt = ""  # SLP201
    del (r, [r])
    r.prompt = ""
class A:
    request = Response
    def m(self): request.prompt = ""  # SLP201
def c():
    if (r := request).prompt: r.prompt = ""  # SLP201
    if True and (s := request): s.prompt = ""  # SLP201
    lambda x=1, *, y=2: request.copy()  # SLP101
def d(request=None, *, needed, other=request):
    other.prompt = ""  # SLP201
    request.prompt = ""
async def e():
    async with f() as r: r.prompt = ""  # SLP201
@contextlib.asynccontextmanager
async def f() -> AsyncIterator[Request]:
    yield request
def g():
    x = yield
    yield from [request]
def h():
    for r in g(): r.prompt = ""  # SLP201
def i(*rs, **named: Request):
    rs[0].prompt = ""
    named["a"].prompt = ""  # SLP201
def j(value): value.prompt = ""  # SLP201
j(value=request)
j(*[request])
def k(value): value.prompt = ""  # SLP201
threading.Thread(target=k, args=(request,)).start()
def l(value): value.prompt = ""  # SLP201
asyncio.to_thread(l, request)
def m(value): value.prompt = ""  # SLP201
list(map(m, [request]))
def n(): pass
list(map(n, [request]))
list(map(1, [request]))
def o(tokens: list[int]): tokens.append(1)  # SLP202
o(response.output_tokens)
def p() -> list[int]: return response.output_tokens
p().append(1)  # SLP202
threading.Thread(target=1, args=(request,)).start()
getattr(response, "output_tokens").append(1)  # SLP202
getattr(response, name).append(1)
pydantic.TypeAdapter(Request).validate_json("").prompt = ""  # SLP201
pydantic.TypeAdapter().validate_json("").prompt = ""
pydantic.TypeAdapter(Request).dump_json("").prompt = ""
pydantic.parse_obj_as(List[Request], [])[0].prompt = ""  # SLP201
dataclasses.replace(request, prompt="").prompt = ""  # SLP201
evolve(request, prompt="").prompt = ""  # SLP201
Request.model_validate_json("").prompt = ""  # SLP101 SLP201
request.model_copy().prompt = ""  # SLP101 SLP201
request.model_dump_json().strip().x = ""  # SLP101
sp.DEFAULT_SAMPLING_PARAMS.top_k = 1  # SLP201
sp.PROTOCOL_VERSION.x = 1
sp._private.x = 1
sp.model.frozen.x = 1
yield request
yield from [request]
sp.nothing.x = 1
sp.kv.KVBlock().ref_count = 1  # SLP201
sp.ErrorCode.TIMEOUT.x = 1
str(1).x = 1
int("1").x = 1
""",
    "rows": """
class Pair(NamedTuple):
    request: Request
    number: int
def a(pair: Pair, pairs: list[Pair]):
    request, number = pair
    request.prompt = ""  # SLP201
    number.prompt = ""
    one, two, three = pair
    three.prompt = ""
    for r, n in pairs: r.prompt = ""  # SLP201
both = (request, 1)
both[0].prompt = ""  # SLP201
both[1].prompt = ""
a, b, c = both
c.prompt = ""
for part in (request, response): part.prompt = ""  # SLP201
for part in (): part.prompt = ""
""",
    "what is swallowed": """
def a(r: Request):
    try: r.prompt = ""  # SLP201 silent
    except: pass
    try: r.prompt = ""  # SLP201 silent
    except (AttributeError, KeyError): pass
    try: r.prompt = ""  # SLP201
    except KeyError: pass
    try: r.prompt = ""  # SLP201
    except Exception: raise
    try: r.prompt = ""  # SLP201
    except Exception as error: raise KeyError from error
    try: pass
    except Exception: r.prompt = ""  # SLP201
    else: r.prompt = ""  # SLP201
    finally: r.prompt = ""  # SLP201
    with contextlib.suppress(AttributeError): r.prompt = ""  # SLP201 silent
    with contextlib.suppress(): r.prompt = ""  # SLP201
    with open("x"): r.prompt = ""  # SLP201
    try:
        with open("x"): r.prompt = ""  # SLP201 silent
    except Exception: pass
    try: Request(max_tokens="1")  # SLP503 silent
    except ValueError: pass
    try: Request(max_tokens=1)
    except ValidationError: pass  # SLP601 silent
    except Exception: pass
    try: Request(max_tokens=1)
    except (ValidationError, sp.ValidationError): pass
    with contextlib.suppress(ValidationError): print(request)
    with contextlib.suppress(ValidationError), open("x"): Request()  # SLP601
    try:
        def inner(): Request()
    except ValidationError: pass
    try: b()
    except ValidationError: pass  # SLP601
    try: B()
    except ValidationError: pass  # SLP601
    try: c()
    except ValidationError: pass
    try: Request.parse_obj({})  # SLP101
    except ValidationError: pass  # SLP601
def b(): return Request()
class B:
    def __init__(self): self.request = b()
class Bare: pass
def c():
    try: return Request()
    except ValueError: return None
""",
    "names of pydantic": """
request.model_dump_json().encode()  # SLP101
handler = request.model_dump  # SLP101
request.model_dump.__doc__  # SLP101
f"{request.json()!r:>{request.json()}}"  # SLP101
hasattr(request, "dict")  # SLP102
hasattr(unknown, "dict")
hasattr(unknown, "model_dump")  # SLP102
hasattr(unknown, "prompt")
hasattr(unknown, name)
hasattr(unknown)
getattr(Request, "model_fields", None)  # SLP102
getattr(1, "model_dump", None)
request.model_dump = 1  # SLP201
isinstance(unknown, BaseModel)  # SLP302
isinstance(1, BaseModel)
issubclass(Request, list)
isinstance(response.output_tokens)
response.a_very_long_name_that_nobody_has_ever_seen.copy()
(request if response.output_text == "a rather long text, which is not repeated" else request).dict()  # SLP101
class Mine(Request):  # SLP401
    schema: str = ""
    def of(self): return self.dict(), self.copy(), self.schema  # SLP101
    def copy(self): return 1
    @classmethod
    def make(cls): return cls.parse_obj({})  # SLP101
Mine.make().prompt = ""  # SLP201
""",
    "what messages are built of": """
Request(**plain)
Request(*[], **plain)
Request("r")  # SLP502
Request(request_id="r", extra=1)  # SLP501
ChatMessage(role="user", content="x", site=1)  # SLP501
ChatMessage.parse_obj({"role": "user", "site": 1})  # SLP101
ChatMessage.parse_obj({"role": "user", "extra": 1})  # SLP101
Request.parse_obj({"extra": 1, 2: 3, **plain, "metadata": name})  # SLP101 SLP501
Request.model_construct(extra=1)  # SLP101 SLP501
evolve(request, extra=1)  # SLP501
evolve(unknown, extra=1)
evolve()
request.model_copy(update={"extra": 1}, deep=True)  # SLP101 SLP501
request.model_copy(update=unknown)  # SLP101
StreamEventDelta(chunk="x", content="y")  # SLP501
StreamEventDelta.parse_obj({"chunk": "x", "content": "y"})  # SLP101 SLP501
Request(messages=[{"role": "user", "content": b"x"}], max_tokens="x")  # SLP503
Request(max_tokens=-1, temperature=-0.5, stream=True, prompt="x")
Request(max_tokens=None, temperature="inf", stream=2, prompt=b"\\xff")
Request(max_tokens=1.5, temperature="x", stream="maybe", prompt=1)
Request(max_tokens="1e400", stream=-1)
Metrics(ttft_ms=-math.inf)  # SLP503
Metrics(ttft_ms=-float("inf"))  # SLP503
Metrics(ttft_ms=float(x), kv_used_tokens=float("inf"))
Metrics(ttft_ms="1", tbt_ms=True)  # SLP503
Response(metrics={"ttft_ms": "1"}, output_tokens=[1, "2", True], error={"message": "x", "extra": 1})  # SLP501 SLP503
HeteroSchedulingHint(extra={"a": [1, {"b": {2: 3}}], "c": "d"})  # SLP503
HeteroSchedulingHint(extra={"a": "a long text, which is cut where it is shown", "b": b"a long text, which is cut"})  # SLP503
class Mine(Request):  # SLP401
    tenant: str = ""
Mine(tenant="x", extra=1, max_tokens="1")  # SLP501 SLP503
class Built(Request):
    def __init__(self, text): pass  # SLP402
Built(text="x")
class Kept(Request):
    tenant: ClassVar[str] = ""
from sagellm_protocol.model import message
@message
class Declared(Request):
    tenant: str = ""
Declared(tenant="", extra=1)  # SLP501
@message()
class Also(Request):
    tenant: str = ""
    model_config: dict = {}  # SLP402
    class Config: pass  # SLP402
    @pydantic.computed_field
    @property
    def twice(self): return 2  # SLP402
class Not(BaseModel):
    model_config = {}
    def __init__(self): pass
class Nor: pass
pydantic.create_model("X", __base__=BaseModel, x=1)
pydantic.create_model("X", __base__=Request)  # SLP401
@dataclasses.dataclass(frozen=True)
class Data(Request): pass  # SLP401
class Lazy(Lazier): pass
functools.partial(Request, max_tokens=1)().prompt = ""  # SLP201
""",
    "lists": """
def a(own: list[int], held: Response, other, numbers: dict[str, int]):
    held.output_tokens == own  # SLP701
    held.output_tokens == other
    held.output_tokens is None
    held.output_tokens == own == held.output_tokens  # SLP701
    held.output_tokens < own  # SLP702
    held.output_tokens < 1
    held.output_tokens + other
    own + held.output_tokens  # SLP702
    own * 2
    own % held.output_tokens
    f"%s{own}" % held.output_tokens  # SLP704
    "%s" % own
    "%s" % 1
    other[held.output_tokens]  # SLP703
    numbers[held.output_tokens]
    sum([held.output_tokens], own)  # SLP702
    sum(own, 0)
    sum([own], own)
    other.assertEqual(held.output_tokens, own)  # SLP701
    other.assertEqual(own, own)
    other.assertEqual(own)
    type(held.output_tokens) == list  # SLP301
    type(held.output_tokens) == tuple
    list is type(held.output_tokens)  # SLP301
    type(own) is list
    own == own
    isinstance(own, list)
    isinstance(held.output_tokens, (list, tuple))
    isinstance(held.output_tokens, typing.Sequence)
    match held.output_tokens:
        case list() | tuple(): pass
        case (list() | str()) as x: pass  # SLP301
        case set(): pass
    match own:
        case list(): pass
    heapq.heappush(own, 1)
    bisect.insort(held.output_tokens, 1)  # SLP202
    setattr()
    setattr(held)  # SLP201
    setattr(own, "x", 1)
    own.__setattr__("x", 1)
    held.__setattr__("x", 1)  # SLP201
    own += held.output_tokens
    own[0] += 1
    own.x += 1
    held.output_tokens[0] += 1  # SLP202
    held.output_tokens.index(1)
    held.output_tokens.copy(1)  # SLP202
    del own[0], own.x
    tuple(held), set(own), vars(own), vars()  # SLP801
    one, two = held  # SLP801
    one, two = own
    {**held.metrics.component_trace}
    x = y = held
    y.output_text = ""  # SLP201
    z: Response = held
    z.output_text = ""  # SLP201
    w: unknown = held
    w.output_text = ""  # SLP201
    v: list = held.output_tokens
    v.append(1)  # SLP202
    u: Response
    u.output_text = ""  # SLP201
""",
}
if sys.version_info < (3, 11):
    CASES["branches"] = CASES["branches"].partition("def h()")[0]
if sys.version_info >= (3, 12):
    CASES["newer"] = """
type Event = StreamEventDelta | None
def a(e: Event): e.content = ""  # SLP201
def b[T](x: T, y: Request): y.prompt = ""  # SLP201
"""


@pytest.mark.parametrize("code", CASES.values(), ids=CASES)
def test_what_is_found(code: str) -> None:
    report = lint_text(HEAD + code)
    assert report.problems == ()
    assert found(report) == expected(code)


@pytest.mark.parametrize("code", CASES.values(), ids=CASES)
def test_what_is_silent(code: str) -> None:
    always = {"SLP102", "SLP301", "SLP302", "SLP402", "SLP701", "SLP703"}
    lines = code.splitlines()
    for finding in lint_text(HEAD + code).findings:
        marked = lines[finding.line - LINES - 1].endswith(" silent")
        assert finding.silent is (marked or finding.rule in always), finding


def test_silent_ones_come_first() -> None:
    order = [finding.silent for finding in lint_text(HEAD + CASES["lists"]).findings]
    assert order == sorted(order, reverse=True)
    assert set(order) == {True, False}


DEEP = 3000
ENDLESS = {
    "a chain of additions": "x = " + " + ".join(["request.copy()"] * 1000),
    "a chain of calls": "x = request" + ".y()" * 900 + "\nrequest.prompt = 1",
    "elif after elif": "if x == 0: pass\n" + "".join(f"elif x == {n}: request.prompt = {n}\n" for n in range(400)),
    "a long tuple": f"for r in ({'request, ' * DEEP}): r.prompt = ''",
    "a long list": f"Response(output_tokens=[{'True, ' * DEEP}])",
    "lists in lists": "x = []\n" + "x = [x]\n" * DEEP + "request.prompt = 1",
    "a value of many classes": "\n".join(
        [
            "def f(x):",
            *(f"    if x == {n}: y = sp.types and ({n},)" for n in range(50)),
            "    y.x = 1",
            "request.prompt = 1",
        ]
    ),
    "a class above itself": "class A(B): pass\nclass B(A): pass\nA().x.prompt = 1\nrequest.prompt = 1",
    "a function of itself": "def f(x): return [f(x)]\nf(1)[0][0].x = 1\nrequest.prompt = 1",
    "loops in loops": "".join(f"{' ' * n}for x{n} in y:\n" for n in range(19)) + " " * 19 + "request.prompt = 1",
    "many tests": f"if {' and '.join(['isinstance(request, Request)'] * 99)}: request.prompt = 1",
    "many names": "".join(f"n{n} = request\n" for n in range(DEEP)) + "n7.prompt = 1",
}


@pytest.mark.parametrize("code", ENDLESS.values(), ids=ENDLESS)
def test_what_has_no_end_is_looked_at_in_bounds(code: str) -> None:
    report = lint_text(HEAD + code)
    assert report.problems == ()
    assert report.findings


def test_findings_are_the_same_in_every_order() -> None:
    code = HEAD + "def f(x: StreamEvent | Response | Request): x.prompt = ''\n"
    assert "`prompt` of `Request` is assigned" in [finding.message for finding in lint_text(code).findings]


def test_places_count_characters() -> None:
    code = f"{HEAD}\nx = 'é€😀', request.copy(), 'é'"
    (finding,) = lint_text(code).findings
    assert code.splitlines()[finding.line - 1][finding.column - 1 : finding.end_column - 1] == "request.copy"


def test_statements_of_kinds_that_are_not_known_are_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    from sagellm_protocol.lint.following import expressions, statements

    monkeypatch.delitem(statements.EXECUTORS, ast.While)  # type: ignore[arg-type]
    monkeypatch.delitem(expressions.EVALUATORS, ast.Compare)  # type: ignore[arg-type]
    report = lint_text(HEAD + "while request.copy() == [x for x in request.dict()]: request.prompt = ''\n")
    assert report.counts == {"SLP101": 2, "SLP201": 1}
