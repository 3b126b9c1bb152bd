"""HTML pages for people. Reads the log and the read models; appends only through ``server.episodes.service``.

``routes``: the table of pages. ``home``, ``episode_list``, ``episode``, ``live``, ``play``, ``board``: one page or family
of pages each. ``run_folder``: the pages of a run's folder, an application of their own. ``context``: what handlers share. ``rendering``: templates, static files and their headers. ``rounds``: the list of rounds. ``visibility``:
how much of an episode a viewer may see. ``episode_names``: how a running episode is named. ``queries``: SQL. ``formatting``:
filters of the templates. ``forms``: request forgery checks and form bodies.

Public names: ``routes.page_routes``, ``context.create_page_context``, ``live.shutdown.watch_stop_signals``.
"""
