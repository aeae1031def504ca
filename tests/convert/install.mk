#: file tool tool.1 completions/tool.bash
# What GNU packages call their targets.
PREFIX ?= /usr/local
bindir = $(PREFIX)/bin
mandir = $(PREFIX)/share/man/man1
INSTALL = install
INSTALL_PROGRAM = $(INSTALL) -m 755
INSTALL_DATA = $(INSTALL) -m 644

.PHONY: all install uninstall check dist distclean
all: tool
install: all
	$(INSTALL) -d "$(DESTDIR)$(bindir)" "$(DESTDIR)$(mandir)"
	$(INSTALL_PROGRAM) tool "$(DESTDIR)$(bindir)/tool"
	$(INSTALL_DATA) tool.1 "$(DESTDIR)$(mandir)/tool.1"
	[ ! -f completions/tool.bash ] || $(INSTALL_DATA) completions/tool.bash $(DESTDIR)$(PREFIX)/share/bash-completion
uninstall:
	rm -f "$(DESTDIR)$(bindir)/tool" "$(DESTDIR)$(mandir)/tool.1"
check: all
	@for t in one two three; do run-test $$t || exit 1; done
dist: VERSION := 1.4
dist: all
	tar czf tool-$(VERSION).tar.gz --transform 's,^,tool-$(VERSION)/,' tool tool.1
distclean:
	-rm -rf *.tar.gz
