#: file src/main.c src/util.c include/util.h lib/list.c
# A C project whose sources lie in folders of their own.
VPATH = src:lib
vpath %.h include
CC ?= cc
CPPFLAGS += -Iinclude
OBJ = main.o util.o list.o

.PHONY: all clean flags
all: prog
prog: $(OBJ)
	$(CC) -o $@ $^
main.o util.o: util.h
flags:
	show $(CPPFLAGS) $(OBJ:.o=.c)
clean:
	-rm -f prog $(OBJ)
