"""The published releases and this library talking to each other, live.

``python -m interop`` (``make interop``) prints what came of it, a line a release; the tests run the same.
"""
