"""Scenarios: generation, cache, and grading with training runs.

``repository``: ``ScenarioRepository``, memory and store. ``simulation``: ``Simulation``, in this process or in a pool.
``workers``, ``worker_process``: the process pool. ``fair_queue``, ``requester``: whose turn it is. ``answer_timing``: when
a generated scenario is answered. ``reserve``: what is generated ahead. ``grading``: grades a submission.
"""
