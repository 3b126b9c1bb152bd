"""Evaluation runs: one agent over one suite or ranked round, its folder on disk, and its summary.

``run_setup``, ``run_command``      a run is opened or resumed, and carried out
``suite_runner``, ``episode_runner``  all episodes of a run; one of them
``admission``                       when another may begin within a budget
``agents``                          creates those of a run
``ranked_run``, ``demo``            the entries of a ranked round; the four agents of the demo
``run_folder``, ``records``, ``json_lines``  what is written, line by line
``redaction``                       keeps secrets out of it
``sharing``                         what a model said, for the server's pages
``observers``, ``progress``, ``openenv_log``  what is shown meanwhile
``summary``, ``statistics``, ``report``, ``compare``  what follows from the results
``event_actions``                   actions from the server's record, to resume by
"""
