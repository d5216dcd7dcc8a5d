"""Code behind the scripts in `/usr/local/bin` of every image.

Kept quick to import: health checks run every few seconds in every container.
"""
