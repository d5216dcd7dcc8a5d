"""Callback plugins."""
