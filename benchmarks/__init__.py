"""What is measured, against whom. `python -m benchmarks` runs it and writes RESULTS.md."""
