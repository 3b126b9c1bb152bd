"""Grading of diagnoses; `domain.grader` is its public face.

- `scoring`: `verify_patch` and `grade`, one diagnosis against one fault.
- `matching`: `grade_diagnoses`, a list of diagnoses against the planted faults.
- `stored_submission`: the stored form of a graded submission.
- `free_text`: reads fields and fixes from words.
"""
