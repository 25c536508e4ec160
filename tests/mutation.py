"""``make mutation``: mutants of the parts that decide, tried by mutmut, and how many of them the tests notice.

A run that was stopped goes on where it stopped: mutmut keeps what it found under ``mutants/``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mutmut import __main__ as mutmut
from mutmut.mutation.data import SourceFileMutationData
from mutmut.runners.harness import PytestRunner
from mutmut.state import state
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.workers import isolation

PACKAGE = Path("src/sagellm_protocol")
CHECKS = ("checking", "leaves", "noting", "sifting")
DEFAULT = (
    *(PACKAGE / "model" / f"{name}.py" for name in CHECKS),
    *(PACKAGE / name for name in ("codecs", "history", "archive")),
)
FIRST = 40
"""How many tests have a first look at each mutant."""
AGAIN = {"model": ["tests/model", "tests/codecs"]}
"""The tests that survivors of a part are tried by again, where they are not those of that part alone."""
REST = 10.0
"""Seconds of the others that those mutants get which pass the first: --again gives them all."""
SURVIVED, KILLED, TIMEOUT = 0, 1, 36
"""Exit codes, as mutmut keeps them."""
COLUMNS = ("killed", "survived", "no tests", "timeout", "not checked")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, default=DEFAULT, help="files or folders of the package")
    parser.add_argument("--max-children", type=int, default=1, help="mutants tried at once (1)")
    parser.add_argument("--every", type=int, default=1, help="try every so manieth mutant of each file alone (1)")
    parser.add_argument("--again", action="store_true", help="try survivors again, each in a process of its own")
    parser.add_argument("--table", action="store_true", help="run nothing: print what earlier runs found")
    options = parser.parse_args()
    for path in options.paths:
        if not any(chosen(file, [path]) for file in walk_mutatable_files()):
            parser.error(f"{path} is not among what pyproject.toml gives mutmut to change")
    try:
        if options.again:
            try_again(options.paths)
        elif not options.table:
            run(options.paths, options.max_children, options.every)
    except KeyboardInterrupt:
        print("stopped")
    print_table(options.paths)


def chosen(path: Path, paths: list[Path]) -> bool:
    return any(path == one or one in path.parents for one in paths)


def found_in(paths: list[Path]) -> list[SourceFileMutationData]:
    """What is known of the mutants of each file, in the order of the files."""
    found = [SourceFileMutationData(path=path) for path in sorted(walk_mutatable_files()) if chosen(path, paths)]
    for data in found:
        data.load()
    return found


class InStages(PytestRunner):
    """A few tests from all over go first: most mutants do not outlive them, and naming a thousand to pytest is slow."""

    def run_tests(self, *, mutant_name: str | None, tests: Iterable[str]) -> int:
        by_duration = list(tests)
        quick = sorted(by_duration[: len(by_duration) // 2 + 1])
        first = quick[:: len(quick) // FIRST + 1]
        code = super().run_tests(mutant_name=mutant_name, tests=first)
        # Without a mutant, those that were counted have all passed already.
        if code or mutant_name is None:
            return code
        rest = list(cheapest([test for test in by_duration if test not in first]))
        return super().run_tests(mutant_name=mutant_name, tests=rest) if rest else code


def cheapest(tests: Iterable[str]) -> Iterator[str]:
    """As many of the tests, which begin with the quickest, as take no longer than ``REST``."""
    spent = 0.0
    for test in tests:
        spent += state().duration_by_test[test]
        if spent > REST:
            return
        yield test


def run(paths: list[Path], max_children: int, every: int) -> None:
    """Try those mutants of ``paths`` that were not tried yet."""
    collect = mutmut.collect_source_file_mutation_data

    def collect_chosen(*, mutant_names: tuple[str, ...]) -> Any:
        # Asked for by name, mutants would be tried anew each time.
        mutants, by_path = collect(mutant_names=mutant_names)
        mutants = [mutant for mutant in mutants if chosen(mutant[0].path, paths)]
        return mutants[::every], by_path

    mutmut.collect_source_file_mutation_data = collect_chosen
    isolation.PytestRunner = InStages  # type: ignore[misc]
    mutmut._run((), max_children)


def try_again(paths: list[Path]) -> None:
    """Try what survived, by all tests of its part, in a process in which nothing is there from before.

    What is made once and kept (codecs, generated functions, tables) is made by one test alone, the first that needs it,
    and is there already in a process that was forked after that.
    """
    with mutmut.CatchOutput(spinner_title="Generating mutants"):
        mutmut.copy_also_copy_files()
        mutmut.create_mutants(1)
    for data in found_in(paths):
        part = data.path.parts[2]
        tests = AGAIN.get(part, [f"tests/{part}"])
        for name, code in data.exit_code_by_key.items():
            if status_by_exit_code[code] in ("survived", "no tests"):
                data.exit_code_by_key[name] = outcome(name, tests)
                data.save()
                print(f"{name}: {status_by_exit_code[data.exit_code_by_key[name]]}", flush=True)


def outcome(mutant: str, tests: list[str]) -> int:
    """What came of the tests, as mutmut notes it, with that mutant at work."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", *tests]
    environment = {**os.environ, "MUTANT_UNDER_TEST": mutant, "PYTHONPATH": str(Path("mutants/src").resolve())}
    try:
        done = subprocess.run(command, cwd="mutants", env=environment, capture_output=True, timeout=1800)
    except subprocess.TimeoutExpired:
        return TIMEOUT
    return KILLED if done.returncode else SURVIVED


def print_table(paths: list[Path]) -> None:
    rows: list[tuple[str, Counter[str]]] = []
    for data in found_in(paths):
        counts = Counter(status_by_exit_code[code] for code in data.exit_code_by_key.values())
        if counts:
            rows.append((str(data.path.relative_to(PACKAGE)), counts))
    rows.append(("in all", sum((counts for _, counts in rows), Counter())))
    print(f"{'':36}{'mutants':>9}" + "".join(f"{column:>13}" for column in COLUMNS) + f"{'score':>8}")
    for name, counts in rows:
        tried = counts.total() - counts["not checked"]
        noticed = tried - counts["survived"] - counts["no tests"]
        score = f"{100 * noticed / tried:.1f}%" if tried else ""
        figures = "".join(f"{counts[column]:>13}" for column in COLUMNS)
        print(f"{name:36}{counts.total():>9}{figures}{score:>8}")


if __name__ == "__main__":
    main()
