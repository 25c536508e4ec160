"""``python -m both_ways.telling SEED NUMBER TARGET``: one input, and every answer to it, as JSON."""

from __future__ import annotations

import json
import sys

from both_ways.answering import answers
from fuzzing.running import made
from fuzzing.targets import TARGETS

if __name__ == "__main__":
    seed, number, target = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    given = repr(made(TARGETS[target], seed, number))
    print(json.dumps({"input": given, **answers(target, seed, number)}))
