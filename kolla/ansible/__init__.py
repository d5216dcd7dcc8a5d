"""Transport: requests and plans carried to the hosts by Ansible, answers and events carried back.

Decides nothing about what hosts should look like, and adds no operation to a plan.
"""
