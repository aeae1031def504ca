.DEFAULT_GOAL := help
PROJECT_NAME := demo
RED := \033[31m
RESET := \033[0m
NAME ?= World
.PHONY: help greet shout colour release bump-% version check-tools

##@ General
help: ## Display this help.
	@awk 'BEGIN {FS = ":.*##"; printf "\nUsage:\n  make \033[36m<target>\033[0m\n"} /^[a-zA-Z_0-9-]+:.*?##/ { printf "  \033[36m%-15s\033[0m %s\n", $$1, $$2 } /^##@/ { printf "\n\033[1m%s\033[0m\n", substr($$0, 5) } ' $(MAKEFILE_LIST)
##@ Talking
greet: ## Greet somebody.
	@echo "Hello, $(NAME)!"
	say "Hello, $(NAME)!"
shout: greet ## Shout.
	@printf "$(RED)%s$(RESET)\n" "$(NAME)"
	say '$(NAME)' $(NAME)
colour:
	@echo -e "$(RED)red$(RESET)"
	@tput setaf 1; tput sgr0
version: ## Print the version.
	@git describe --tags | sed 's/^v//'
bump-major: ; bump $(@:bump-%=%)
bump-minor: ; bump $(subst bump-,,$@)
release: version bump-minor
	git tag -a "v$$(cat VERSION)" -m "Release $$(cat VERSION)"
	git push origin --tags
check-tools:
	@command -v docker >/dev/null 2>&1 || { echo >&2 "docker is missing"; exit 1; }
	@which kubectl || (echo "kubectl is missing"; exit 1)
