"""The pure half of the project: same input, same output. No I/O, no clock, no ambient randomness."""
