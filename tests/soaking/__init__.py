"""Upgrades of archives disturbed in every way there is, gone on with, and compared with one that nothing disturbed."""
