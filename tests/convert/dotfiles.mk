#: file bashrc vimrc gitconfig
#: env HOME=/home/user
# Links from the home folder, in one shell for each recipe.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
FILES := bashrc vimrc gitconfig
.PHONY: install list status brew
install: $(FILES:%=link-%)
	echo "linked $(words $(FILES)) files"
link-%:
	target="$(HOME)/.$*"
	if [ -L "$$target" ]; then
	  echo "there: $$target"
	else
	  ln -s "$(CURDIR)/$*" "$$target"
	fi
list:
	printf '%s\n' $(FILES)
	show $(FILES) | sort | uniq
status:
	@git status --short
	git diff --stat
ifeq ($(shell uname),Darwin)
brew: ; brew bundle
else
brew: ; echo "no brew here"
endif
