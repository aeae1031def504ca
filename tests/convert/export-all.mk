#: env FROM=env
.EXPORT_ALL_VARIABLES:
NAME = value
OTHER := $(NAME) too
lower.dot = not a name
FROM = file
DEFAULTED ?= default
all: ; show-env
sub: LOCAL = here
sub: ; show-env $(LOCAL)
export-all-own:
	show "$$MAKEFILE_LIST" "[$(MAKEFILE_LIST)]" "$$CURDIR" $(MAKEFILE_LIST)
