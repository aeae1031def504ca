#: file common.mk a.c b.c sub/Makefile
#: text common.mk CACHE = cache dir\nINCLUDED := yes
#: text sub/Makefile all:\n\tsub-all $(MAKELEVEL)\nother:\n\tsub-other
#: env SHOUT=loud
# Each of the ways in which a conversion can go wrong without a word.
DIR = "build"
OUT = out
C = echo one; echo two
PIPE = list | sort
PYTHON = python3
SORTED = $(sort c b a b)
FIRST = $(firstword $(SORTED))
LONG := $(shell large files)
SELF = x
SELF := $(SELF) y
SELF += z
HERE = $(CURDIR)/bin
MK := $(MAKEFILE_LIST)
QUOTES = it's
PRIVATE_NAME = not exported
export PUBLIC_NAME = exported value
SHOUT = quiet
ifdef NEVER_SET
  CACHE_ROOT = /cache
endif
ifneq ($(NEVER_SET),yes)
  MODE = plain
else
  MODE = special
endif
include common.mk

.PHONY: quotes single several pipe python sorted large self here list env unset cache mode included order patterns specific conditional sub comment dollar order-of-need words empty

quotes:
	mkdir -p $(DIR)
single:
	show '$(OUT)' "$(OUT)" '$(DIR)'
several:
	$(C)
	$(C) > file
pipe:
	$(PIPE)
	$(PIPE) | $(PIPE)
python:
	$(PYTHON) -m this
	cd . && $(PYTHON) x.py
sorted:
	show $(SORTED) $(FIRST) $(words $(SORTED))
large:
	count $(words $(LONG)) $(lastword $(LONG))
self:
	show $(SELF)
here:
	show $(HERE) $(notdir $(CURDIR)/x)
list:
	show $(MK) $(firstword $(MK))
env:
	show-env
	show $(PRIVATE_NAME) "$$PRIVATE_NAME" "$$PUBLIC_NAME"
unset:
	show "$$TOKEN" "$${TOKEN:-none}"
	login --token=$$TOKEN
cache:
	remove -rf $(CACHE_ROOT)/x
mode:
	show $(MODE)
included:
	show $(INCLUDED) "$(CACHE)"
order: second first
	finish
first second:
	run-it $@
order-of-need: c.made a.made b.made
	show $^ $< $+
%.made: ; make-it $* $@
patterns: a.o b.o
a.o b.o: %.o: %.c
	compile $< -o $@
specific: MODE = target
specific: OPTIONS += -x
specific: inner
	show $(MODE) $(OPTIONS)
inner: ; show inner $(MODE) $(OPTIONS)
conditional:
ifeq ($(MODE),plain)
	show plain
else
	show other
endif
	show always
sub:
	$(MAKE) -C sub
	$(MAKE) -C sub other
	cd sub && $(MAKE) other
# Show what a comment is.
comment: # not a help text
	show a # b
	# nothing at all
	@# quiet nothing
dollar:
	show '$$HOME' "$$HOME" | grep x
	awk '{ print $$1 }' file
words: ; show "a b" 'c  d' e\ f "" $(empty) g
