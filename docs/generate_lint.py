"""Write the table of rules in docs/lint.md anew. Run by ``make docs``; a test compares."""

from __future__ import annotations

from pathlib import Path

from sagellm_protocol.lint import RULES

PAGE = Path(__file__).with_name("lint.md")
BEGIN, END = "<!-- Rules: written by `make docs` from the table of rules. -->\n", "<!-- Until here. -->\n"


def table() -> str:
    """The rules, as a Markdown table."""
    lines = [
        "| rule | finds | why | write | silent | `--fix` |",
        "|---|---|---|---|---|---|",
    ]
    for rule in RULES.values():
        silent = "always" if rule.silent else "in a `try`"
        fixed = "some" if rule.fixed else ""
        cells = (f"`{rule.id}` {rule.name}", rule.title, rule.why, rule.instead, silent, fixed)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def page(text: str) -> str:
    """The page with the table in its place."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
