"""From a submitted diagnosis to points."""
