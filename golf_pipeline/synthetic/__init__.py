"""A rendered golfer with exact truth: for the demo, the tests and the accuracy benchmarks."""
