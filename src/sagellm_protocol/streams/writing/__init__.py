"""The bytes of a stream whose messages differ in their text alone, made once."""
