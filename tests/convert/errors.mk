need = $(if $($(1)),,$(error $(1) is not set))
.PHONY: needs-env needs-call or-error plain lazy guard-NAME guarded warned
needs-env:
ifndef TARGET_ENV
	$(error TARGET_ENV is not set)
endif
	deploy $(TARGET_ENV)
needs-call:
	$(call need,TOKEN)
	deploy
or-error:
	deploy $(or $(WHERE),$(error WHERE is not set))
lazy:
	show before
	$(if $(OK),show ok,$(error not ok))
plain: ; show plain
guard-%:
	@if [ "$${$*}" = "" ]; then echo "$* is not set"; exit 1; fi
guard-NAME:
	@if [ -z '$(NAME)' ]; then echo "NAME is not set"; exit 1; fi
guarded: guard-NAME
	show $(NAME)
warned:
	$(warning careful)
	show warned
