#: file api/main.go web/main.go worker/main.go
# Rules that come out of a template, one set for each service.
SERVICES := api web worker
REGISTRY ?= registry.example.com/shop
TAG := $(shell git rev-parse --short HEAD)

define service_rules
.PHONY: build-$(1) push-$(1)
build-$(1): $(1)/main.go
	docker build -t $(REGISTRY)/$(1):$(TAG) $(1)
push-$(1): build-$(1)
	docker push $(REGISTRY)/$(1):$(TAG)
endef

.PHONY: build push list
build: $(addprefix build-,$(SERVICES))
push: $(SERVICES:%=push-%)
$(foreach service,$(SERVICES),$(eval $(call service_rules,$(service))))

list:
	@$(foreach service,$(SERVICES),echo "$(service): $(REGISTRY)/$(service)";)
