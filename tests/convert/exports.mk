#: env LEVEL=from env
#: env GONE=in env
#: env KEPT=kept
#: env SUM=1
export A = a value
export B := b "quoted" 'value'
export C ?= c default
export LEVEL
C2 = not exported
GONE = changed
unexport GONE
KEPT += and more
export D = $(A) with $(B) and $(KEPT)
export MULTI_LINE
define MULTI_LINE
one
two $(C2)
endef
LATE = one
LATE := $(LATE) two
export LATE
SUM += 2
PATH := /opt/bin:$(PATH)
export EMPTY =
target: export ONLY = here
target: A = of target
.PHONY: show-all target plain path
show-all:
	show-env
target: plain
	show-env $(A)
plain:
	show-env $(A)
path:
	show $(PATH)
dollars:
	show "$$A" '$$B' $${C}
