"""Kolla: production-grade OpenStack containers and the tools to run them."""

__version__ = "0.1.0"
