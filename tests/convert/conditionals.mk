#: env CI=true
#: env USER_SET=yes
OS_NAME := $(shell uname -s)
ifeq ($(OS_NAME),Linux)
OPEN = xdg-open
else
OPEN = open
endif
ifdef CI
FLAGS = --ci
else
FLAGS = --watch
endif
ifndef MISSING
STATE = missing
endif
ifneq (,$(filter yes y,$(USER_SET)))
YES = 1
endif
ifeq ($(origin FLAGS),file)
WHERE = here
endif
ifeq "$(STATE)" "missing"
 ifeq '$(YES)' '1'
  BOTH = both
 else
  BOTH = one
 endif
endif
ifeq ($(strip $(NOTHING)),)
target-if-nothing: ; show nothing
else
target-if-something: ; show something
endif
ifeq ($(shell unknown-question),x)
ODD = x
else
ODD = y
endif
ifneq ($(findstring true,$(CI)),)
IN_CI = in ci
endif
all: ; show $(OPEN) $(FLAGS) $(STATE) $(YES) $(WHERE) $(BOTH) "$(IN_CI)"
odd: ; show $(ODD)
fine:
ifdef IN_CI
	show in ci
endif
	show end
nested:
  ifeq ($(YES),1)
	show yes
  else ifeq ($(YES),2)
	show two
  else
	show no
  endif
