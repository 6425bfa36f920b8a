"""This library beside others, one training step at a time: `python -m benchmarks`."""
