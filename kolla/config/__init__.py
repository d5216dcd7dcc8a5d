"""Layered configuration files: merged, explained key by key, and none read in vain."""
