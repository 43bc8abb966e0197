"""What the benches compare with, written as its users would write it; each runs as a process in an environment of its own."""
