"""The typed model of a service, and its loader. A service is described once, as data."""
