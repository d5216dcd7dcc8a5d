"""What is copied into every image: the start script, placing of configuration, health checks.

`bin/` goes to `/usr/local/bin/`, `lib/kolla_runtime/` to `/usr/local/lib/kolla_runtime/`. Imports
nothing of ours; standard library and PyYAML only, Python >= 3.11.
"""
