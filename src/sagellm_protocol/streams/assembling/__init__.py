"""Streams put together: what follows what as one table of rules, and whole answers made of events and of chunks."""
