"""What holds for whatever a protocol went through, on histories drawn at random; at length: ``python -m evolving``."""
