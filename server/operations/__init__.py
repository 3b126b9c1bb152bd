"""Operations: what an operator runs on a server, its database and its secrets.

    serve            serve_until_stopped
    process_group    supervises the processes of ``serve --workers N``
    worker_process   what each of them runs
    listen_address   bind and listen before anything else is started
    doctor           run_checks: what a start needs
    secret_checks    its checks of API keys and the secrets folder
    check_result     CheckResult and its text
    backup           back_up: copies and audits an SQLite database
    prewarm          generates scenarios in advance
    commands         the commands of ``mlops-debug``, which `server.cli` mounts

Nothing is exported here: commands import what they need when they run, so that ``--help`` is fast.
"""
