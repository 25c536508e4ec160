"""Each field of the real client's own types is carried, kept or refused, as the table says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from openai_client.fields import ANSWERS, REQUESTS, Known
from openai_client.walking import ASKED, READ, fields_of, lost, name_of, records, values
from sagellm_protocol import ValidationError, codecs
from sagellm_protocol.model.spec import spec_of

KNOWN = {known.client: known for known in (*REQUESTS, *ANSWERS)}
PASSED_OVER = {known.client: {*known.kept, *known.refused} for known in KNOWN.values()}


def told(kinds: Sequence[Any]) -> dict[str, set[str]]:
    """The types of the client and their fields, by name."""
    return {name_of(kind): set(fields_of(kind)) for kind in records(kinds, PASSED_OVER)}


@pytest.mark.parametrize(("kinds", "table"), [(ASKED, REQUESTS), (READ, ANSWERS)], ids=["requests", "answers"])
def test_the_table_knows_every_field_of_the_client(kinds: Sequence[Any], table: Sequence[Known]) -> None:
    client = {f"{name}.{field}" for name, fields in told(kinds).items() for field in fields}
    known = {f"{it.client}.{name}" for it in table for name, _, _ in it.fates()}
    assert sorted(client - known) == [], "fields that are new in the client"
    assert sorted(known - client) == [], "fields that the client has no longer"


@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
def test_what_is_carried_is_a_field_and_what_is_kept_is_none(known: Known) -> None:
    spec = spec_of(known.message)
    assert set(known.carried) <= spec.names
    assert not {*known.kept, *known.refused} & spec.names
    assert spec.unknown == "keep"


@pytest.mark.parametrize("name", ["json", "msgspec-json"])
@pytest.mark.parametrize("kind", [*ASKED, *READ], ids=name_of)
def test_every_value_of_every_field_comes_through(kind: Any, name: str) -> None:
    known = KNOWN[name_of(kind)]
    codec, plain = codecs.get(name), codecs.get("dict")
    refused: dict[str, str] = {}
    for sent in values(kind):
        try:
            message = plain.decode(sent, known.message)
        except ValidationError as error:
            refused[str(sent)] = str(error)
            continue
        assert list(lost(sent, plain.encode(message))) == []
        assert codec.decode(codec.encode(message), known.message) == message
    assert refused == {}
