"""The operator's commands, one module a subject; `server.cli` mounts them.

audit         audit, checkpoint
records       export, verify, rebuild, regrade
keys          keys create, list, revoke
rounds        rounds open, list, close
maintenance   backup, doctor
prewarm       warm
setup         settings, options and database access that all commands share
failures      errors that end a command with one line
"""
