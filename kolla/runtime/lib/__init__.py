"""Parent of the package that images carry as `/usr/local/lib/kolla_runtime`."""
