#: env FROM_ENV=env value
#: env BOTH=from the environment
LATER = $(NOW)
NOW := now $(UNDEFINED)
AGAIN ::= again
BOTH ?= from the file
FILE ?= from the file
ADDED = one
ADDED += two
ADDED += three
FRESH += only
FROM_ENV += more
SHELL_SET != question what
NESTED_b = nested
KEY = b
define BLOCK =
first line
second line $(1)
endef
define COMMANDS
@echo starting $@
-fail here
run-it --name=$@ \
  --second
endef
define COUNTED
$(words $(1))-$(firstword $(1))
endef
reverse = $(2) $(1)
twice = $(call reverse,$(1),$(1))
undefine GONE
empty :=
space := $(empty) $(empty)
comma := ,
list := a b c
override FORCED = forced
all: values commands calls functions appended
values:
	show [$(LATER)] [$(NOW)] [$(AGAIN)] [$(BOTH)] [$(FILE)]
	show "[$(SHELL_SET)]" [$(NESTED_$(KEY))] [$(GONE)] [$(FORCED)]
appended:
	show "[$(ADDED)]" "[$(FRESH)]" "[$(FROM_ENV)]"
commands:
	$(COMMANDS)
calls:
	show $(call reverse,a,b) $(call twice,x) [$(call COUNTED,p q r)]
	show '$(subst $(space),$(comma),$(list))'
functions:
	show $(patsubst %.c,%.o,a.c b.h) $(filter %.c,a.c b.h c.c) $(filter-out b%,abc bcd)
	show $(addprefix src/,$(list)) $(addsuffix .x,$(list)) $(join $(list),1 2 3)
	show $(dir a/b c) $(notdir a/b c) $(basename a.b/c.d) $(suffix a.b/c.d e)
	show $(word 2,$(list)) $(wordlist 2,3,$(list)) $(lastword $(list)) [$(strip   a   b  )]
	show $(if $(list),yes,no) $(if $(empty),yes,no) $(or $(empty),second) $(and $(list),last)
	show $(foreach x,$(list),+$(x)+) | cat
	show $(findstring b,abc) [$(findstring z,abc)] $(sort z y z)
	show $(origin list) $(flavor list) $(flavor ADDED) '$(value LATER)'
	show $(list:%=%.o) $(list:a=z) ${list}
	show $(abspath x/../y) $(abspath .)
	$(info said $@)show after
environment:
	show $(FROM_ENV) $(BOTH)
	show $(if $(FROM_ENV),set,unset) $(if $(NOT_SET),set,unset)
	show $(firstword $(FROM_ENV)) $(words $(FROM_ENV)) $(sort $(FROM_ENV) $(NOT_SET))
	show $(patsubst e%,E%,$(FROM_ENV)) [$(filter-out env,$(FROM_ENV))] [$(subst e,E,$(FROM_ENV))]
	show $(addprefix -D,$(FROM_ENV)) $(notdir $(FROM_ENV)) $(findstring val,$(FROM_ENV)) $(lastword $(FROM_ENV))
asked:
	show $(shell question a) $(words $(shell question b)) $(sort $(shell question c))
	show $(patsubst t%,T%,$(shell question d)) $(filter t%,$(shell question e)) $(strip $(shell question f))
	show "$(shell question g)" '$(shell git config user.name)' || true
	show $(addsuffix .c,$(basename $(shell find src)))
	show $(dir $(shell find x)) $(wordlist 1,1,$(shell find y)) $(word 2,$(shell find z)) $(suffix $(shell find q))
