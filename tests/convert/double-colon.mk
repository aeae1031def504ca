#: file part-a.mk
#: text part-a.mk setup::\n\tsetup-a\nclean::\n\trm -f a.out
# Several recipes of one target, from several files.
.PHONY: setup clean test
setup::
	setup-main
include part-a.mk
clean::
	rm -f main.out
setup::
	setup-last $@
test: setup
	run-tests
