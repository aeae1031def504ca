#: file docker-compose.yml Dockerfile
#: env TAG=v1
COMPOSE = docker compose -f docker-compose.yml -p $(PROJECT)
PROJECT = shop
SERVICES = api worker web
UID := $(shell id -u)
TAG ?= latest
IMAGE = ghcr.io/acme/$(PROJECT)
.PHONY: up down restart logs ps shell build push migrate $(SERVICES) prune

up:
	UID=$(UID) $(COMPOSE) up -d
down:
	$(COMPOSE) down --remove-orphans
restart: down up
logs:
	$(COMPOSE) logs -f --tail=100 $(service)
ps:
	@$(COMPOSE) ps
shell:
	$(COMPOSE) exec $(or $(service),api) sh -c 'echo $$HOSTNAME'
build: $(addprefix build-,$(SERVICES))
build-%:
	docker build -t $(IMAGE)/$*:$(TAG) $*
$(SERVICES):
	$(COMPOSE) up -d $@
push:
	for s in $(SERVICES); do docker push $(IMAGE)/$$s:$(TAG); done
migrate:
	$(COMPOSE) run --rm api ./manage.py migrate --noinput
	@echo 'migrated "$(PROJECT)"'
prune:
	docker ps -aq -f status=exited | xargs -r docker rm
	docker images -q | xargs docker rmi || true
