#: env USER=deployer
# Playbooks for a few environments.
.DEFAULT_GOAL := help
ENVIRONMENT ?= staging
INVENTORY = inventories/$(ENVIRONMENT)/hosts.yml
ANSIBLE_FLAGS = -i $(INVENTORY) --diff $(if $(LIMIT),--limit "$(LIMIT)") $(if $(CHECK),--check)
export ANSIBLE_FORCE_COLOR = 1

.PHONY: help ping deploy rollback vault-edit lint galaxy
help: ## This text
	@echo "targets: ping deploy rollback"
galaxy: requirements.yml ## Fetch roles
	ansible-galaxy install -r $<
requirements.yml:
	touch-file $@
ping: ## Reach every host
	ansible all $(ANSIBLE_FLAGS) -m ping
deploy: galaxy ## Deploy the site
	ansible-playbook $(ANSIBLE_FLAGS) -e "user=$(USER)" site.yml
rollback: ## Go back
	ansible-playbook $(ANSIBLE_FLAGS) -e 'release=previous' rollback.yml
vault-edit:
	ansible-vault edit group_vars/$(ENVIRONMENT)/vault.yml
lint:
	yamllint . && ansible-lint
