"""The reference and the picture of the modules are what their generators write."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from docs import generate_architecture, generate_reference, generate_tables
from marked import marked_in
from published import ROOT
from sagellm_protocol import catalog
from sagellm_protocol.model.spec import spec_of

DOCS = ROOT / "docs"
PAGES = generate_reference.documents()


@pytest.mark.parametrize(
    "generator", [generate_architecture, generate_reference, generate_tables], ids=lambda it: it.__name__
)
def test_the_committed_files_are_what_is_generated(generator: object) -> None:
    for name, content in generator.documents().items():
        assert (DOCS / name).read_text(encoding="utf-8") == content, f"docs/{name} is out of date: run make docs"


def test_no_page_is_left_over() -> None:
    assert {f"reference/{path.name}" for path in (DOCS / "reference").iterdir()} == PAGES.keys()


@pytest.mark.parametrize("name", catalog.messages())
def test_every_field_is_explained(name: str) -> None:
    module, _, cls = name.rpartition(".")
    section = PAGES[f"reference/{module}.md"].partition(f"\n### {cls}\n")[2].partition("\n##")[0]
    rows = re.findall(r"^\| `(\w+)` \|.* \| (.*) \|$", section, re.MULTILINE)
    assert [field for field, _ in rows] == [field.name for field in spec_of(catalog.get(name)).fields]
    assert all(meaning for _, meaning in rows)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for file, anchor in re.findall(r"\]\(([\w./]*)#?(\w*)\)", PAGES[page]):
        target = PAGES.get(f"reference/{file}", "") if file else PAGES[page]
        if not target:
            assert (DOCS / "reference" / file).exists(), file
        headings = {title.lower() for title in re.findall(r"^#+ (.+)$", target, re.MULTILINE)}
        assert not anchor or anchor in headings, f"{file}#{anchor}"


def test_the_picture_is_well_formed_and_its_arrows_point_down() -> None:
    root = ElementTree.fromstring(generate_architecture.picture())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    place = {box: number for number, row in enumerate(generate_architecture.rows()) for box in row}
    for box, other in generate_architecture.arrows(generate_architecture.imports()):
        assert place[box] <= place[other], f"{box} imports {other}"


def test_what_is_deprecated_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in marked_in(monkeypatch, generate_reference):
        pages = generate_reference.documents()
    types, errors = pages["reference/types.md"], pages["reference/errors.md"]
    assert re.search(r"\n\| `prompt` \|.* \*\*Deprecated\*\* since 0\.5\.4\.16: use messages\. \|\n", types)
    assert "\n`types.StreamEventEnd`, since 0.1.0. **Deprecated** since 0.5.4.16: ends come by themselves.\n" in types
    assert re.search(r"\n\| `content` \|.* \*\*Deprecated\*\* since 0\.1\.0: no\. \|\n", types)
    assert re.search(r"\n\| `NOT_IMPLEMENTED` \|.* \*\*Deprecated\*\* since 0\.1\.0: wait\. \|\n", errors)
    assert sum(page.count("**Deprecated**") for page in pages.values()) == 4
    assert not any("Deprecated" in page for page in PAGES.values())
