"""Ranking: rounds on secret seeds, access to their attempts, boards and regrades.

    rounds        open_round, Rounds: which episode a reset of an entry stands for
    access        EpisodeAccess: authorizes resets, resolves episode names of clients
    closing       close_round: refuses resets, expires attempts, reveals the secret
    leaderboard   read_board: the board of a round from the database
    board         build_board, board_csv: the same without a database
    regrade       recorded diagnoses under another rubric
    errors        why a ranked reset is refused

Nothing is exported here: the command line imports single modules to start fast.
"""
