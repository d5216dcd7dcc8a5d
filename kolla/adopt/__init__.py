"""Reading the configuration of a cloud that Kolla-Ansible deployed, and writing ours for it.

Text in, text and findings out: nothing here looks at a host. What becomes of what is data: `mapping.yml`.
"""
