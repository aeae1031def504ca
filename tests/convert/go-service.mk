#: file main.go go.mod cmd/server/main.go
BINARY_NAME=server
VERSION?=$(shell git describe --tags --always --dirty)
COMMIT:=$(shell git rev-parse --short HEAD)
DATE=$(shell date -u +%Y-%m-%d)
LDFLAGS=-ldflags "-X main.version=$(VERSION) -X main.commit=$(COMMIT) -X 'main.date=$(DATE)'"
GO?=go
GOFLAGS=-mod=readonly
GOOS=linux
PKGS=$(shell question list ./...)
export CGO_ENABLED=0

.DEFAULT_GOAL := help
.PHONY: help build run test cover lint fmt vet tidy docker push release clean

help: ## Show this help
	@grep -E '^[a-zA-Z_-]+:.*?## .*$$' $(MAKEFILE_LIST) | sort | awk 'BEGIN {FS = ":.*?## "}; {printf "\033[36m%-30s\033[0m %s\n", $$1, $$2}'

build: ## Build the binary
	$(GO) build $(LDFLAGS) -o bin/$(BINARY_NAME) ./cmd/server

run: build ## Run it
	./bin/$(BINARY_NAME) --config "$${CONFIG:-config.yaml}"

test: ## Run the tests
	go test -race -cover $(PKGS)

cover: ## Coverage
	go test -coverprofile=c.out ./...
	go tool cover -html=c.out

lint: vet ## Lint
	golangci-lint run --timeout 5m

fmt:
	gofmt -s -w $(shell question files)

vet:
	go vet ./...

tidy:
	go mod tidy
	git diff --exit-code go.mod go.sum

docker: ## Build the image
	docker build --build-arg VERSION=$(VERSION) --build-arg "COMMIT=$(COMMIT)" -t registry.example.com/$(BINARY_NAME):$(VERSION) .

push: docker
	docker push registry.example.com/$(BINARY_NAME):$(VERSION)

release: lint test push
	@echo "Released $(VERSION) at `date`"

clean:
	go clean
	rm -f bin/${BINARY_NAME} c.out
