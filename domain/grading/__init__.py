"""Grading of diagnoses; `domain.grader` is its public face.

- `scoring`: `verify_patch` and `grade`, one diagnosis against one fault.
- `matching`: `grade_diagnoses`, a list of diagnoses against the planted faults.
- `stored_submission`: the stored form of a graded submission.
- `reading`: `read_fix`, what a diagnosis proposes, from its patch, its edits or its words.
- `entries`, `names`: values of a patch and names of fields, by what they mean; `descriptions` is their data.
- `edits`: reads edits of files as a patch; `written_run` renders the files of a run with other declarations.
- `free_text`: reads fields and fixes from words.
"""
