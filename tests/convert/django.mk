#: file manage.py requirements.txt app/models.py
# A web application with its virtual environment as a target.
VENV := .venv
PY := $(VENV)/bin/python
MANAGE = $(PY) manage.py
SETTINGS ?= shop.settings.local
export DJANGO_SETTINGS_MODULE = $(SETTINGS)

.PHONY: run migrate test shell superuser clean fixtures
$(VENV)/stamp: requirements.txt
	mkdir -p $(VENV)
	python3 -m venv $(VENV)
	pip install -r $<
	stamp $@
run: $(VENV)/stamp migrate
	manage runserver 0.0.0.0:$(PORT)
migrate: | $(VENV)/stamp
	manage migrate --noinput
test: $(VENV)/stamp
	manage test $(ARGS) --settings=$(SETTINGS)
shell:
	@manage shell -c 'print("it works")'
superuser:
	DJANGO_SUPERUSER_PASSWORD=secret manage createsuperuser --username $${USER:-admin}
fixtures: APPS = users orders
fixtures:
	for app in $(APPS); do manage dumpdata $$app > fixtures-$$app.json; done
clean:
	find-py . -name '*.pyc' -delete
	rm -rf $(VENV)
