"""The replay of one episode and the comparison of two."""
