"""Deciding: what each host should look like, what it looks like, and the plan between the two.

Pure throughout: no I/O, no clock, no randomness. The same input gives the same bytes.
"""
