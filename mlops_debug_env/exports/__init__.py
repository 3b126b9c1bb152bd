"""What leaves a run: JSON lines for other programs, and its episodes for people. docs/reference/exports.md describes every field.

``rows``         the rows of each export
``transcripts``  conversations, and the requests and replies they are made of
``run_reader``   episodes and turns, for pages
"""
