"""Rules between fields that several messages have."""

from typing import Any

from sagellm_protocol.model import Rule, rule

BIAS_OF_TOKENS = rule(
    "bias-of-tokens",
    ("logit_bias",),
    "of token ids, written in digits",
    lambda it: it.logit_bias is None or all(key.isascii() and key.isdigit() for key in it.logit_bias),
    why="Keys are text in JSON, and no engine knows a token by another name.",
)

OPTIONS_OF_A_STREAM = rule(
    "options-of-a-stream",
    ("stream_options", "stream"),
    "null unless stream is true",
    lambda it: it.stream_options is None or it.stream is True,
    why="They say how a stream is written.",
)

ONE_OF_EACH_INDEX = rule(
    "one-of-each-index",
    ("choices",),
    "of different index each",
    lambda it: len({found.index for found in it.choices}) == len(it.choices),
    why="An index is the place of one of them, and of no other.",
)

OF_A_PROBABILITY = rule(
    "of-a-probability",
    ("logprob",),
    "at most 0, give or take 0.001",
    lambda it: it.logprob <= 0.001,
    why="It is the logarithm of a probability, which is at most 1 but for rounding.",
)


def of_one_kind(name: str) -> Rule:
    """A field that holds several inputs, or the tokens of one, holds nothing else beside them."""

    def fit(it: Any) -> bool:
        items = getattr(it, name)
        return isinstance(items, (str, type(None))) or len({type(item) for item in items}) <= 1

    return rule(
        "of-one-kind", (name,), "texts, or token ids, or lists of them", fit, why="Each is an input, or a token."
    )
