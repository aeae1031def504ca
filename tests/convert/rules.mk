#: file one.in two.in lib/x.src lib/y.src newer.txt old.txt data.csv
#: text newer.txt new
.SUFFIXES:
.SUFFIXES: .md .html
all: one.out two.out extra
%.out: %.in
	convert $< $@ $* $(@D) $(@F) $(<F)
.md.html:
	pandoc $< -o $@
lib/%.lib: lib/%.src
	archive $@ $< $* $(*F)
libs: lib/x.lib lib/y.lib
	link $^ $(^F) $(^D)
extra:: ; show first extra
extra:: ; show second extra
both: one.out
both: two.out
	show $^ $<
both: old.txt
order-only: one.out | folder
	show $^ - $| - $+
folder:
	mkdir $@
data.csv:
	download $@
existing: data.csv ; show $<
many.1 many.2 many.3:
	generate $@
numbers: many.1 many.2 many.3
FORCE:
forced: FORCE
	show forced
missing: not-there.txt
	show never
fails: fails-first many.1
	show never
fails-first: ; fail here
./dotted: ./one.in
	show $@ $<
wild: *.in
	show $^
static: a.x b.x
a.x b.x: %.x: %.y
	show $* $< $@
%.y: ; make-y $@
grouped.a grouped.b &: one.in
	group $@
use-grouped: grouped.b grouped.a
	show $^
.PHONY: all libs both existing numbers missing fails static
.SECONDEXPANSION:
second: $$(addsuffix .in,one two) $$@.dep
	show $^
second.dep: ; dep $@
circle-a: circle-b ; show a
circle-b: circle-a ; show b
