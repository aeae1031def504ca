#: file main.tf env/dev.tfvars
#: env ENV=dev
ENV ?= staging
REGION ?= eu-west-1
TF = terraform -chdir=infra
VARS = -var-file="../env/$(ENV).tfvars" -var 'region=$(REGION)'
STATE_BUCKET = acme-$(ENV)-state
.PHONY: init plan apply destroy fmt validate output check-env
check-env:
ifndef ENV
	$(error ENV is not set)
endif
	@echo "environment $(ENV)"
init: check-env
	$(TF) init -backend-config="bucket=$(STATE_BUCKET)" -reconfigure
plan: init
	$(TF) plan $(VARS) -out=plan.$(ENV)
apply: plan
	$(TF) apply plan.$(ENV)
destroy: init
	@read -p "Sure? " answer; [ "$$answer" = y ] && $(TF) destroy $(VARS)
fmt:
	terraform fmt -recursive
validate: fmt
	$(TF) validate
output:
	$(TF) output -json | jq -r '.[] | .value'
