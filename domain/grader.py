"""The grader: judge a patch, grade a diagnosis, grade a list of diagnoses. The public face of `domain.grading`."""

from __future__ import annotations

from domain.grading.matching import grade_diagnoses
from domain.grading.reading import read_fix
from domain.grading.scoring import as_score, credit_of, grade, verify_patch

__all__ = ["as_score", "credit_of", "grade", "grade_diagnoses", "read_fix", "verify_patch"]
