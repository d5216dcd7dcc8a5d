"""Revisions on the deploy host: keeping what was applied, showing it, and going back to it.

What a revision is, and which one is meant, `kolla.state` decides.
"""
