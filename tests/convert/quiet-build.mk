#: file a.c b.c c.h
# Short lines unless V is set, dependency files of the compiler, several goals.
ifeq ($(V),1)
  Q =
  say = @:
else
  Q = @
  say = @echo "  $(1)    $(2)"
endif
SRCS = a.c b.c
OBJS = $(SRCS:%.c=build/%.o)
CFLAGS = -O2 -Wall
CFLAGS += -MMD -MP
DEBUG_FLAGS := -g3 -O0

all: build/app
debug: CFLAGS = $(DEBUG_FLAGS)
debug: build/app
build/app: $(OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
build/%.o: %.c Makefile | build
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<
build:
	$(Q)mkdir -p $@
size: build/app
	$(Q)size $<
-include $(OBJS:.o=.d)
.PHONY: all debug size
