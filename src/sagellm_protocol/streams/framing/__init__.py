"""Messages within a stream of bytes: where each begins and ends, in either direction."""
