"""Statistics of boards, and what a round's secret decides."""
