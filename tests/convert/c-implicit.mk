#: file main.c list.c list.h tool.c extra.cc
CFLAGS = -g -Wall
LDLIBS = -lm
objects = main.o list.o

prog: $(objects)
	cc -o prog $(objects)

main.o: list.h
list.o: list.c list.h
tool: tool.c
extra.o: extra.cc

.PHONY: clean test tags
clean:
	-rm prog $(objects)
	-rm -f core *~

test: prog tool
	./prog < input.txt > output.txt
	diff output.txt expected.txt && echo passed

tags: *.c
	ctags $^
