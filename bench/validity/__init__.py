"""Measures the validity of the benchmark: blind floors, canaries, and the difficulty of each fault.

- `floor`, `composed_floor`: best score of a constant answer.
- `blind_answers`, `composed_blind_answers`: canaries that do not read the evidence.
- `bag_of_words`, `odd_tokens`, `text_classifiers`: canaries that are trained on texts of public episodes.
- `agents`, `composed`, `difficulty`: what agents that reason score, and what the checks show.
"""
