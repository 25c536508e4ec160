"""The field tables that follow from the history are the published ones."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import published
from sagellm_protocol import history
from sagellm_protocol.history import HISTORY
from sagellm_protocol.model.checking import check_payload
from sagellm_protocol.model.exceptions import UnsupportedRevisionError, ValidationError
from sagellm_protocol.model.kinds import Nested
from sagellm_protocol.model.spec import Derived

_CONSTRAINT = re.compile(r"\{(.*)\}")
_BOUND = re.compile(r"(?:Gt|Ge|Lt|Le)\((gt|ge|lt|le)=(-?[0-9.]+)\)")


def normalised(row: dict[str, Any]) -> dict[str, Any]:
    """A published row with a constraint spelled inside its type, ``int{Gt(gt=0)} | None``, among its bounds."""
    found = _CONSTRAINT.search(row["type"])
    if found is None:
        return row
    bounds = {name: json.loads(limit) for name, limit in _BOUND.findall(found[1])}
    assert _BOUND.sub("", found[1]).strip(", ") == ""
    kind = row["type"].replace(found[0], "")
    return {
        "type": kind,
        "bounds": {**row.get("bounds", {}), **bounds},
        **{k: v for k, v in row.items() if k != "type"},
    }


@pytest.mark.parametrize("revision", published.revisions())
def test_the_tables_equal_the_published_files(revision: str) -> None:
    expected = published.revision_table(revision)
    found = history.table(revision)
    assert found["revision"] == expected["revision"] == revision
    assert found.keys() == expected.keys()
    assert set(found["messages"]) == set(expected["messages"])
    for name, message in expected["messages"].items():
        fields = {field: normalised(row) for field, row in message["fields"].items()}
        assert found["messages"][name]["fields"] == fields, name
        assert list(found["messages"][name]["fields"]) == list(fields), name
        assert history.fields(name, revision) == fields
        for field, row in fields.items():
            # A flag is no number, and an integer no float.
            default = found["messages"][name]["fields"][field].get("default")
            assert json.dumps(default, sort_keys=True) == json.dumps(row.get("default"), sort_keys=True), (name, field)
        spec = HISTORY.spec(name, revision)
        special = bool(spec.rules) or any(isinstance(field.default, Derived) for field in spec.fields)
        assert special is bool(message.get("model_validators")), name
    assert found["enums"] == expected["enums"]
    for name, members in expected["enums"].items():
        assert list(found["enums"][name]) == list(members), name
    assert found["typed_dicts"].keys() == expected["typed_dicts"].keys()
    for name, typed_dict in expected["typed_dicts"].items():
        assert found["typed_dicts"][name]["fields"] == typed_dict["fields"], name
        assert list(found["typed_dicts"][name]["fields"]) == list(typed_dict["fields"]), name
        assert sorted(HISTORY.catalog.typed_dicts[name].__required_keys__) == typed_dict["required"]


def test_few_types_needed_normalising() -> None:
    spelled = {
        row["type"]
        for revision in published.revisions()
        for message in published.revision_table(revision)["messages"].values()
        for row in message["fields"].values()
        if "{" in row["type"]
    }
    assert spelled == {"int{Gt(gt=0)} | None"}


def test_49_releases_speak_14_revisions() -> None:
    *listed, working = history.releases.items()
    assert listed == list(published.releases().items())
    assert working == ("0.6.0", "0.6.0"), "the revision in the works, which one release will speak"
    assert history.revisions == (*published.revisions(), history.latest)
    for release, revision in published.releases().items():
        assert history.resolve(release) == revision
    assert history.resolve("latest") == history.latest


@pytest.mark.parametrize("name", ["", "0.1", "0.5.4.17", "v0.1.0", "Latest", " 0.1.0"])
def test_other_names_resolve_to_nothing(name: str) -> None:
    with pytest.raises(UnsupportedRevisionError, match="no release is called"):
        history.resolve(name)


def test_every_message_came_with_the_first_revision_that_has_it() -> None:
    for name in published.revision_table(published.revisions()[-1])["messages"]:
        first = next(
            revision for revision in published.revisions() if name in published.revision_table(revision)["messages"]
        )
        assert HISTORY.since(name) == first
        fields = published.revision_table(first)["messages"][name]["fields"]
        for field in HISTORY.spec(name, first).fields:
            assert field.name in fields
            assert HISTORY.since(name, field.today) == first


def test_tables_are_plain_data() -> None:
    for revision in history.revisions:
        assert json.loads(json.dumps(history.table(revision))) == history.table(revision)


def test_the_rule_of_the_first_revision_is_checked() -> None:
    spec = HISTORY.spec("Metrics", "0.1.0")
    payload = {"ttft_ms": 1, "throughput_tps": 1, "peak_mem_mb": 1, "error_rate": 0}
    for given in ({}, {"tbt_ms": None}, {"tbt_ms": None, "tpot_ms": None}):
        with pytest.raises(ValidationError, match="not null in at least one of tbt_ms, tpot_ms"):
            check_payload(Nested(spec.name, spec.cls), {**payload, **given}, specs=HISTORY.specs("0.1.0"))
    for given in ({"tbt_ms": 1.0}, {"tbt_ms": None, "tpot_ms": 0}):
        check_payload(Nested(spec.name, spec.cls), {**payload, **given}, specs=HISTORY.specs("0.1.0"))
