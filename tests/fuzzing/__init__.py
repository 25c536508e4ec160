"""Fuzzers over everything that takes what others wrote; only a ``ProtocolError`` may come out.

``python -m fuzzing`` (``make fuzz``) runs them for so many seconds; what they find is written to ``cases/`` in a form
that can be read, and the suite tries each of those again.
"""

FINDING = "finding: "
"""Before what a process that is led by coverage tells of."""
