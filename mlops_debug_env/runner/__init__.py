"""Evaluation runs: one agent over one suite, its folder on disk, and its summary.

``run_setup``, ``run_command``      a run is opened or resumed, and carried out
``suite_runner``, ``episode_runner``  all episodes of a run; one of them
``ranked_run``, ``demo``            the entry of a ranked round; the four agents of the demo
``run_folder``, ``records``, ``json_lines``  what is written, line by line
``observers``, ``progress``, ``openenv_log``  what is shown meanwhile
``summary``, ``statistics``, ``report``, ``compare``  what follows from the results
``event_actions``                   actions from the server's record, to resume by
"""
