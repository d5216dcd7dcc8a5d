"""What runs on a host: looks at it, changes it as a plan's operations say, reports.

Shipped as one archive (package `kolla_host`) and run by the host's own Python >= 3.9. Imports the
standard library, the docker SDK and itself, always relatively. `docs/host-protocol.md` is the contract.
"""
