#: file proto/shop/v1/order.proto proto/shop/v1/user.proto
# Generated sources, one for each definition.
PROTOS := $(sort $(wildcard proto/*/*/*.proto))
GENERATED := $(PROTOS:proto/%.proto=gen/%.pb.go)
PROTOC_FLAGS = -Iproto \
	--go_out=gen \
	--go_opt=paths=source_relative

.PHONY: proto lint breaking
proto: $(GENERATED)
gen/%.pb.go: proto/%.proto | gen
	protoc $(PROTOC_FLAGS) $<
gen:
	mkdir -p $@
lint:
	buf lint $(addprefix --path=,$(PROTOS))
breaking:
	buf breaking --against '.git#branch=main'
