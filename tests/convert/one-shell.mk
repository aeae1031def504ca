SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.PHONY: together fails-early pipe arrays
together:
	cd /
	x=5
	show $$x in $$PWD
fails-early:
	@show a
	@fail b
	@show c
pipe:
	fail | show x
	show never
arrays:
	a=(one two)
	show "$${a[@]}"
	for i in 1 2
	do
	  show $$i
	done
