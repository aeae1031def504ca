SHELL = /bin/bash
BASHY = [[ a == a ]] && show yes
.PHONY: brackets braces source arrays process
brackets:
	$(BASHY)
	[[ -f nothing ]] || show missing
braces:
	show {a,b,c}.txt
source:
	source /dev/null; show sourced
arrays:
	@x=(1 2 3); show $${#x[@]}
process:
	show <(true) > /dev/null || true
	echo -e "a\tb" | show
