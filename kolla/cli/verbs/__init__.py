"""The verbs, grouped as an operator meets them. Each is one call of `kolla.api.Cloud`."""
