"""The runtime's tables in a service's database: what makes them, version after version, and the names of their columns."""
