#: text .env SECRET=hunter2\nPLAIN=yes
#: text mk/vars.mk REGISTRY ?= registry.example.com\ninclude mk/more.mk
#: text mk/more.mk EXTRA := more\nextra-target:\n\textra $(EXTRA)
include mk/vars.mk
-include .env
-include local.mk
-include $(wildcard *.d)
all: push extra-target
push:
	docker push $(REGISTRY)/app
secret:
	login --password $(SECRET)
plain-text:
	show $(PLAIN)
