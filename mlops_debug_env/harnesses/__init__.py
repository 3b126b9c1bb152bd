"""The environment as other harnesses take it: each module is one of them, and imports its package only when it is imported.

``tool_episode``       `ToolEpisode`: one episode as tools of a model, without reset, seed and truth; the others play with it
``mcp_server``         MCP over stdin and stdout, or over HTTP: ``mlops-debug mcp``
``inspect_tasks``      tasks of Inspect AI; extra ``inspect``
``harbor``             writes task folders of Harbor
``verifiers_taskset``  a taskset of verifiers
"""
