"""The wire as the client knows it.

``actions``        the actions, `Diagnosis`, `submission`, `parse_action`
``observations``   observations, `EpisodeState`, `StepResult`
``grade``          breakdowns of a score, and the ground truth after the end
``errors``         `MlopsDebugError` and its subclasses
``types``          closed sets of names, generated from the domain
``openenv_types``  the same for OpenEnv's client; needs the extra ``openenv``
"""
