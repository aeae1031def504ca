#: file src/main.c src/util.c src/util.h
#: env CFLAGS=-O1 -DNAME="a b"
# A small C program.
CC      ?= gcc
CFLAGS  += -Wall -Wextra
LDFLAGS  =
PREFIX  ?= /usr/local
BUILD   := build
SRCS    := $(wildcard src/*.c)
OBJS    := $(SRCS:src/%.c=$(BUILD)/%.o)
TARGET  := $(BUILD)/hello

.PHONY: all clean install uninstall check valgrind format

all: $(TARGET)

$(TARGET): $(OBJS)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: src/%.c | $(BUILD)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD):
	mkdir -p $@

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(TARGET) $(DESTDIR)$(PREFIX)/bin/hello

uninstall:
	-rm -f $(DESTDIR)$(PREFIX)/bin/hello

# Run everything that checks.
check: all
	@for t in one two; do \
		./run-test $$t || exit 1; \
	done

valgrind: CFLAGS += -g
valgrind: all
	valgrind --leak-check=full ./$(TARGET)

format:
	clang-format -i $(SRCS) src/*.h

clean:
	$(RM) -r $(BUILD)

-include $(OBJS:.o=.d)
