.PHONY: check test constraints vulnerabilities image reference check-generated

check:
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	python -m upkeep long-files

test:
	pytest

# Below: the upkeep of the checkout, with the extras dev and upkeep.

constraints:
	python -m upkeep constraints

vulnerabilities:
	python -m upkeep vulnerabilities

image:
	python -m upkeep image

# The pages of docs/reference, and the modules that the client shares with the domain, which are written from the code.
reference:
	python -m upkeep reference

check-generated:
	python -m upkeep reference --check
