#: env KUBECONFIG=/home/user/.kube/config
KUBECTL ?= kubectl
NS ?= $(USER)-dev
CLUSTER = kind-$(NAME)
NAME = test
IMG ?= controller:latest
ENVTEST_K8S_VERSION = 1.29.0
LOCALBIN ?= $(shell pwd)/bin
KUSTOMIZE ?= $(LOCALBIN)/kustomize
CONTROLLER_GEN ?= $(LOCALBIN)/controller-gen
ifeq (,$(shell go env GOBIN))
GOBIN=$(shell go env GOPATH)/bin
else
GOBIN=$(shell go env GOBIN)
endif
CONTAINER_TOOL ?= docker
SHELL = /usr/bin/env bash -o pipefail
.SHELLFLAGS = -ec
all: build
manifests: controller-gen
	$(CONTROLLER_GEN) rbac:roleName=manager-role crd webhook paths="./..." output:crd:artifacts:config=config/crd/bases
build: manifests
	go build -o bin/manager cmd/main.go
controller-gen: ; test -s $(CONTROLLER_GEN) || GOBIN=$(LOCALBIN) go install controller-gen
.PHONY: all manifests build
