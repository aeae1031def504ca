Q = @
V =
ifeq ($(V),1)
E =
else
E = @
endif
RUN ?= @run-it
SILENT = $(if $(VERBOSE),,@)
.PHONY: quiet lenient plus stops continues status exits last semicolons multi silent empty optional
quiet:
	@show one
	$(Q)show two
	$(E)show three
	$(SILENT)show four
	$(Q)$(E)- show five
lenient:
	-fail once
	@-fail twice
	- @fail thrice
	-$(Q)fail; show after
	show reached
plus:
	+show even with n
	@+-fail and go on
stops:
	show before
	fail now
	show never
continues: stops
	show never reached
status:
	show a; fail b; show c
	fail a; show b
	fail a || show b
	show a && fail b
	show never
exits:
	exit 0
	show after
	exit 3
	show never
last:
	[ -f nothing ] && show it
semicolons: ; show one; show two
multi:
	@if [ -f Makefile ]; then \
		show found; \
	else \
		show missing; \
	fi
	@cd / ; \
	show root
	show back
	X=1; show $$X
	show [$$X]
	for i in 1 2 3; do show $$i; done
	case a in a) show a;; esac
	(show sub; cd /; show there) && show here
	show a \
	  b \
		c
	show 'a \
	b'
silent:
	@true
	@:
	@echo -e 'a\tb'
	@echo 'a\tb'
	@printf '%s\n' x
empty:
optional:
	$(RUN) optional
	$(NOTHING)
	$(NOTHING) show something
	
	show end
