export
NAME = value with 'quotes' and "more"
LAZY = $(NAME)!
all:
	show-env
	show "$$NAME" $$LAZY
unset:
	show $(NAME)
