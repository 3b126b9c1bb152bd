.PHONY: check test constraints licences vulnerabilities image reference capacity walk

check:
	ruff format --check .
	ruff check .
	mypy
	lint-imports

test:
	pytest

# Below: the upkeep of the checkout, with the extras dev and upkeep.

constraints:
	python -m upkeep constraints

# In an environment of its own, because the page says what the pinned versions say of themselves.
licences:
	tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && python3.11 -m venv "$$tmp" && \
	"$$tmp/bin/pip" install --quiet --require-hashes -r constraints.txt && \
	"$$tmp/bin/pip" install --quiet packaging && "$$tmp/bin/python" -m upkeep licences

vulnerabilities:
	python -m upkeep vulnerabilities

image:
	python -m upkeep image

reference:
	python -m upkeep reference

capacity:
	python -m upkeep capacity

# Needs python3.11, python3.12 and python3.13, and takes some minutes for each.
walk:
	python -m tests.walk
