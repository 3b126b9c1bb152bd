"""Audits: proof that recorded data is complete and that everything else follows from it.

    episode_audit      audit_episode: chain, fold, scenario, actions, grade and rows of one episode
    store_audit        audit_store: all episodes, or those of a round; in a process pool what takes long
    known_episodes     compares what earlier audits derived with what is stored now
    ranked_checks      ranked attempts against their round and their key
    regrade_audit      grades under other rubrics
    scenario_cache     AuditScenarioCache: generates each scenario again once
    report             Finding, AuditReport, StoreReport and their text
    replay             replay_episode: an episode as a list of actions with their rewards
    checkpoints        signed checkpoints: made, stored and read
    checkpoint_audit   the store against its own checkpoints and against a copy
    checkpoint_task    Checkpointer: makes checkpoints while the server runs
    background         BackgroundAuditor: audits ended attempts while the server runs
    bundle             signed files of a round or a database

Nothing is exported here: importing the room would load NumPy and SQLAlchemy.
"""
