"""How fast it is, beside the engines and beside what others use: `make bench`."""
