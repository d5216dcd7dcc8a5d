"""Action plugins."""
