"""What pydantic called it: the names of 0.5.4.16 on every message, for one minor version.

:data:`.model.lending.LENT` names the functions in here. Each answers as the published package does, or raises an
:class:`.OptionError` that says what to write, and warns once a line of the caller's.
"""
