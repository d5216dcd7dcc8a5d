"""What Ansible loads: one action plugin that talks to a host, one callback that stays quiet."""
