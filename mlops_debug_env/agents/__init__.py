"""Agents that play episodes. Each sees what the wire shows, and nothing else.

``agent``          `Agent`, the protocol
``registry``       `create_agent`, `AGENT_NAMES`
``loader``         `load_agent`: a class of the user, by module or file
``baselines``      `NopAgent`, `RandomAgent`, `ConstantAgent`
``oracle``         `OracleAgent`, the ceiling on practice seeds
``heuristic``      `HeuristicAgent`, with ``rules``, ``evidence``, ``hypothesis``, ``calibration`` and ``code``, a reader of preprocessing.py
``declared``       `ComparingAgent`, the part of the heuristic that investigates runs on several sources
``investigation``  `Notes`, `investigative_actions`: what to look at next
``prompt``         an episode in words, for language models
``llm``            `LlmAgent`, behind any OpenAI-compatible endpoint
"""
