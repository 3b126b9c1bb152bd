"""The root of the checkout as OpenEnv's command line looks at it: `openenv push` sends it to a Space, which builds the Dockerfile.

Nothing imports this: the packages are ``domain``, ``server`` and ``mlops_debug_env``.
"""
