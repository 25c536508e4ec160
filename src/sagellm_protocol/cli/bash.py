"""What bash types and is offered: to it a colon ends a word, and MODULE:NAME is three of them."""

from __future__ import annotations

import os
from typing import Any

from click.shell_completion import BashComplete, CompletionItem, split_arg_string


class WholeWords(BashComplete):
    """Puts words together again that stand beside a colon, and offers only what comes after it."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is being typed, and that one."""
        typed = split_arg_string(os.environ["COMP_WORDS"])
        at = int(os.environ["COMP_CWORD"])
        words: list[str] = []
        for word in typed[: at + 1] if at < len(typed) else [*typed, ""]:
            if words and (word.startswith(":") or words[-1].endswith(":")):
                words[-1] += word
            else:
                words.append(word)
        return words[1:-1], words[-1]

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """As bash is told, which keeps what stands before the colon."""
        _, incomplete = self.get_completion_args()
        kept = incomplete.rpartition(":")
        return f"{item.type},{item.value.removeprefix(kept[0] + kept[1])}"
