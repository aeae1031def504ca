#: file setup.py requirements.txt src/app/__init__.py tests/test_a.py
#: env PYTEST_ARGS=-k "foo and bar"
PYTHON = python3
VENV := .venv
BIN = $(VENV)/bin
PACKAGE = "my package"
SOURCES = src tests
.PHONY: venv install test lint format typecheck docs build publish clean clean-pyc clean-build all

all: lint typecheck test

venv: $(VENV)/bin/activate

$(VENV)/bin/activate: requirements.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	. $(VENV)/bin/activate; pip install -Ur requirements.txt
	touch $(VENV)/bin/activate

install: venv
	$(BIN)/pip install -e ".[dev]"

test:
	$(PYTHON) -m pytest $(PYTEST_ARGS) --cov=$(PACKAGE) tests/

lint:
	$(PYTHON) -m flake8 $(SOURCES)
	-$(PYTHON) -m pylint $(SOURCES) --rcfile='.pylintrc'

format:
	black $(SOURCES) && isort $(SOURCES)

typecheck: ; mypy $(SOURCES)

docs:
	cd docs && make html SPHINXOPTS="-W --keep-going"
	@echo "Docs are in docs/_build"

build: clean
	$(PYTHON) setup.py sdist bdist_wheel
	ls -l dist

publish: build
	twine upload --username "$${TWINE_USERNAME}" dist/*

clean: clean-build clean-pyc

clean-build:
	rm -fr build/ dist/ .eggs/
	find . -name '*.egg-info' -exec rm -fr {} +

clean-pyc:
	find . -name '*.pyc' -exec rm -f {} + ; find . -name '*~' -exec rm -f {} +
