#: file services/api/main.go services/web/index.js
#: text services/api/Makefile all: build test\nbuild:\n\tgo build -o $(OUT) .\ntest:\n\tgo test ./...\nOUT ?= bin/api
#: text services/web/Makefile all: ; npm run build -- $(MODE)\nclean: ; rm -rf dist
SERVICES := api web
SUBDIRS := $(addprefix services/,$(SERVICES))
export OUT = dist/out
.PHONY: all build test clean $(SUBDIRS) each deploy-all again
all: $(SUBDIRS)
$(SUBDIRS):
	$(MAKE) -C $@
build:
	$(MAKE) -C services/api build
	+$(MAKE) --no-print-directory -C services/web MODE=production
test:
	@for s in api; do $(MAKE) -C services/$$s test || exit 1; done
clean:
	-$(MAKE) -C services/web clean
	rm -rf dist
each: $(foreach s,$(SERVICES),each-$(s))
define SERVICE_template
each-$(1):
	deploy $(1) --dir services/$(1)
undo-$(1): ; undeploy $(1)
endef
$(foreach s,$(SERVICES),$(eval $(call SERVICE_template,$(s))))
deploy-all: each
	notify "deployed $(SERVICES)"
again:
	$(MAKE) test
	$(MAKE) deploy-all clean
