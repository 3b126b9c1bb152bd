"""Runs on data of several sources: a world that is never printed, and declarations about it that are.

- `subjects`, `layout`: names, sources, months, columns of the data.
- `agreements`: what declarations and world have to agree in; each is one fault when it is broken.
- `case`: `State` (world and declarations) and `Case` (the run, the last good run before it, what broke in between).
- `rows`, `tables`: what happened, how the sources wrote it down, how it is read.
- `run`, `fit`: splits, preparation, training, evaluation.
"""
