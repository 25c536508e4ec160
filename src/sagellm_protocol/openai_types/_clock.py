"""When something was made, where nobody says so."""

import time


def unix_time_seconds() -> int:
    """Now, in whole seconds since 1970-01-01T00:00Z."""
    return int(time.time())
