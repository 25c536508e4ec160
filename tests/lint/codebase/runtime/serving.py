"""Where requests come from by ways that are harder to follow."""

import asyncio
import contextlib
import functools
import itertools
import operator
import threading
from typing import Any, Generic, Iterator, NamedTuple, TypedDict, TypeGuard, TypeVar, cast

from sagellm_protocol import Error, KVHandle, Request, Response, StreamEvent, StreamEventDelta

T = TypeVar("T")
R = TypeVar("R", bound=Request)


class Store(Generic[T]):
    def __init__(self) -> None:
        self.held: dict[str, T] = {}

    def get(self, key: str) -> T:
        return self.held[key]


class Entry(TypedDict):
    request: Request
    tries: int


class Pair(NamedTuple):
    request: Request
    response: Response


class EngineError(Exception):
    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error


class Base:
    def __init__(self, request: Request) -> None:
        self.request = request

    @property
    def tokens(self):
        return self.response().output_tokens

    def response(self) -> Response:
        raise NotImplementedError


class Worker(Base):
    def cut(self) -> None:
        self.request.max_tokens = 1  # planted: SLP201
        self.tokens.reverse()  # planted: SLP202


def stored(store: Store[Request]) -> None:
    store.get("a").prompt = ""  # planted: SLP201


def partly() -> Request:
    make = functools.partial(Request, request_id="r", trace_id="t")
    request = make(max_tokens=1)
    request.prompt = "x"  # planted: SLP201
    return request


@functools.lru_cache
def default() -> Request:
    return Request(request_id="r", trace_id="t", max_tokens=1)


def use_default() -> None:
    default().prompt = "x"  # planted: SLP201


@contextlib.contextmanager
def leased(handle: KVHandle) -> Iterator[KVHandle]:
    yield handle


def lease(handle: KVHandle) -> None:
    with leased(handle) as mine:
        mine.num_tokens = 0  # planted: SLP201


def got(response: Response) -> None:
    operator.attrgetter("output_tokens")(response).append(1)  # planted: SLP202
    getattr(response, "output_tokens").append(1)  # planted: SLP202


def strip(request):
    request.prompt = request.prompt.strip()  # planted: SLP201


def clear(limits):
    limits.prompt = ""  # innocent: nobody gives it a message


STEPS = {"strip": strip}


def step(name: str, request: Request) -> None:
    STEPS[name](request)


def tagged(request: R) -> R:
    request.model = "tagged"  # planted: SLP201
    return request


async def serve(queue: "asyncio.Queue[Request]") -> None:
    request = await queue.get()
    request.stream = True  # planted: SLP201
    queue.task_done()  # innocent: the queue's own method


def failing(error: Error) -> None:
    try:
        raise EngineError(error)
    except EngineError as failure:
        failure.error.message = "no"  # planted: SLP201


def blanked(*requests: Request, **named: Request) -> None:
    for request in requests:
        request.prompt = ""  # planted: SLP201
    named["a"].prompt = ""  # planted: SLP201
    named["b"] = requests[0]  # innocent: the function's own dict


def entered(entry: Entry) -> None:
    entry["request"].prompt = ""  # planted: SLP201
    entry["tries"] += 1  # innocent: a dict of the code's own


def paired(pairs: list[Pair]) -> None:
    for request, response in pairs:
        response.output_tokens.sort()  # planted: SLP202
    pairs[0].request.prompt = ""  # planted: SLP201
    pairs.sort()  # innocent: a list of the code's own


def worked(request: Request) -> None:
    threading.Thread(target=work, args=(request,)).start()


def work(request):
    request.prompt = "x"  # planted: SLP201


def grouped(groups: list[list[Request]]) -> None:
    for request in itertools.chain.from_iterable(groups):
        request.prompt = "x"  # planted: SLP201


def is_request(value: Any) -> TypeGuard[Request]:
    return isinstance(value, Request)


def guarded(value: Any) -> None:
    if is_request(value):
        value.prompt = "x"  # planted: SLP201


def matched(event: StreamEvent) -> None:
    match event:
        case StreamEventDelta() as delta:
            delta.content = ""  # planted: SLP201


def found(requests: dict[str, Request]) -> None:
    if (request := requests.get("a")) is not None:
        request.prompt = ""  # planted: SLP201
    [setattr(other, "prompt", "") for other in requests.values()]  # planted: SLP201
    requests["b"] = request  # innocent: a dict of the code's own


def told(value: Any) -> None:
    cast("Request", value).prompt = ""  # planted: SLP201


def nested(request: Request):
    def inner():
        request.prompt = ""  # planted: SLP201

    inner()
    request = None  # innocent: a name is no field


def shadowed(request: Request) -> None:
    request = {"prompt": request.prompt}
    request["prompt"] = ""  # innocent: a dict of that name
    request.update(model="m")  # innocent: the same


def other_copy(data: dict, items: list) -> tuple:
    return data.copy(), items.copy()  # innocent: of a dict and a list


def json_of(http_response: Any) -> dict:
    return http_response.json()  # innocent: of a value of which nothing is known
