"""Measuring what users wait for."""
