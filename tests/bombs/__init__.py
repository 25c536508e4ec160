"""Payloads made to cost more than they should, and what they cost beside good ones of the same size.

``python -m bombs`` (``make bombs``) measures the whole table; the suite tries each bomb at small sizes.
"""
