#: file Chart.yaml values.yaml
CHART_NAME := shop
CHART_VERSION := $(shell git describe)
NAMESPACE ?= default
VALUES := values.yaml values-$(NAMESPACE).yaml
HELM_FLAGS := $(foreach v,$(VALUES),-f $(v))
define NOTES
Chart $(CHART_NAME)
is ready
endef
export NOTES
.PHONY: lint template package install upgrade uninstall notes test
lint:
	helm lint . $(HELM_FLAGS)
template:
	helm template $(CHART_NAME) . $(HELM_FLAGS) --set image.tag="$(CHART_VERSION)" > out.yaml
package: lint
	helm package . --version $(patsubst v%,%,$(CHART_VERSION)) --destination dist
install:
	helm install $(CHART_NAME) . -n $(NAMESPACE) --create-namespace $(HELM_FLAGS)
upgrade:
	helm upgrade --install $(CHART_NAME) . \
	  --namespace $(NAMESPACE) \
	  $(HELM_FLAGS) \
	  --wait
uninstall:
	-helm uninstall $(CHART_NAME) -n $(NAMESPACE)
	-kubectl delete ns $(NAMESPACE); true
notes:
	@echo "$$NOTES"
	show "$$NOTES"
test:
	helm test $(CHART_NAME) --logs
