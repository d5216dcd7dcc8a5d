"""The command line: parse, call `kolla.api`, show. No logic.

Anything that takes long to import (`kolla.api`, rich) is imported by the verb that needs it, so that
`kolla --help` stays quick.
"""
