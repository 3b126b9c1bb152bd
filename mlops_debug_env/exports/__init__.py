"""What leaves a run: JSON lines and Parquet for other programs, and its episodes for people. docs/reference/exports.md describes every field.

``rows``         the rows of each export
``columns``      the types of their columns
``parquet``      rows as Parquet; extra ``data``
``card``         the card of an exported dataset
``transcripts``  conversations, and the requests and replies they are made of
``run_reader``   episodes and turns, for pages
"""
