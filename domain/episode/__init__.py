"""One episode: commands to events, events to a state, a state to observations.

- `decide`: `decide`, `end`, `check_submission`, the commands and their errors.
- `state`: `EpisodeState`, `fold`, `evolve`, `reward_of`.
- `observation`: `observe`, `observe_reset`, `observe_final`, `observation_digest`.
- `evidence`: `EvidenceView`, the encoded results of actions on one scenario.
- `query`, `log_filter`: fields of documents, and lines of code and log.
"""
