"""A language model as an agent, behind any OpenAI-compatible endpoint.

``agent``                             `LlmAgent`: corrections, and a fallback so that every step has a legal action
``chat_history``, ``messages``        what is sent; a model's own messages as they came
``static_prompt``, ``tools``          instructions and tools of a task
``replies``                           one action from a message
``endpoint``                          `Endpoint`: an answer within rate limits and budget
``dialect``, ``refusals``, ``errors``  what an endpoint does not take, what its errors mean, and what follows
``chat_client``                       HTTP with retries
``completions``, ``stream``, ``json_text``, ``counted``  answers, in pieces too, of any shape; their counts
``prices``, ``limits``, ``usage``, ``transcript``  costs, bounds, counts, and the record of it all
"""
