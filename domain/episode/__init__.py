"""One episode: commands to events, events to a state, a state to observations.

- `decide`: `decide`, `end`, `check_submission`, the commands and their errors.
- `state`: `EpisodeState`, `fold`, `evolve`, `reward_of`.
- `observation`: `EvidenceView`, the encoded results of actions on one scenario; `observe`, `observe_reset`,
  `observe_final`, `observation_digest`.
- `query`: fields of documents, and lines of code and log.
- `event_text`: events in words.
"""
