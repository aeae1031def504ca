#: env KUBECONFIG=/home/user/.kube/config
KUBECTL ?= kubectl
NS ?= $(USER)-dev
NAME = test
IMG ?= controller:latest
LOCALBIN ?= $(shell pwd)/bin
KUSTOMIZE ?= $(LOCALBIN)/kustomize
.PHONY: apply diff delete logs port-forward context secrets cluster wait build-image deploy undeploy
$(LOCALBIN):
	mkdir -p $(LOCALBIN)
apply: context
	$(KUSTOMIZE) build config/default | $(KUBECTL) apply -n $(NS) -f -
diff:
	-$(KUBECTL) diff -k config/default
delete:
	$(KUBECTL) delete --ignore-not-found=$(ignore-not-found) -k config/default
logs:
	$(KUBECTL) logs -n $(NS) -l app=$(NAME) -f --tail 20
port-forward:
	$(KUBECTL) port-forward svc/$(NAME) 8080:80 &
	sleep-a-bit 1
context:
	$(KUBECTL) config use-context kind-$(NAME)
secrets:
	$(KUBECTL) create secret generic app --from-literal=token="$${TOKEN}" --dry-run=client -o yaml | $(KUBECTL) apply -f -
	$(KUBECTL) get secret app -o jsonpath='{.data.token}' | base64 -d
wait:
	$(KUBECTL) wait --for=condition=Ready pod --all --timeout=60s
cluster:
	kind get clusters | grep -q '^$(NAME)$$' || kind create cluster --name $(NAME)
build-image:
	docker build -t ${IMG} .
deploy: build-image apply wait
undeploy: delete
	docker rmi $(IMG) || :
