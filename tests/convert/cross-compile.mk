#: env GOFLAGS=-mod=vendor
# One program for several systems, by variables of targets and of patterns.
NAME := tool
VERSION ?= dev
LDFLAGS = -s -w -X main.version=$(VERSION)
PLATFORMS := linux-amd64 linux-arm64 darwin-arm64 windows-amd64

.PHONY: all release checksums $(PLATFORMS)
all: $(PLATFORMS)
windows-%: EXT = .exe
linux-arm64: export CC = aarch64-linux-gnu-gcc
$(PLATFORMS):
	GOOS=$(word 1,$(subst -, ,$@)) GOARCH=$(word 2,$(subst -, ,$@)) go build -ldflags "$(LDFLAGS)" -o dist/$(NAME)-$@$(EXT) .
release: LDFLAGS += -buildid=
release: all checksums
checksums:
	cd dist 2>/dev/null; sha256sum $(PLATFORMS:%=$(NAME)-%)
