"""The fields of all artifacts: names, types, ranges or choices, and the value of the pipeline that each sets.

- `registry`: `REGISTRY`, `find`, `with_field`, `registry_json`.
- `field`: `FieldSpec`, `ValueOutsideFieldError`.
- `aliases`: further names of fields, as data.
"""
