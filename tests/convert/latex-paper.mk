#: file paper.tex refs.bib fig/a.svg fig/b.svg sections/intro.tex
NAME = paper
TEX = $(wildcard *.tex sections/*.tex)
FIGS = $(patsubst %.svg,%.pdf,$(wildcard fig/*.svg))
LATEXMK = latexmk -pdf -interaction=nonstopmode

.PHONY: all clean distclean view count figs
all: $(NAME).pdf
$(NAME).pdf: $(TEX) refs.bib $(FIGS)
	$(LATEXMK) $(NAME)
fig/%.pdf: fig/%.svg
	inkscape $< --export-filename=$@
figs: $(FIGS)
view: $(NAME).pdf
	xdg-open $< &
count:
	@texcount -inc $(NAME).tex | grep Words
clean:
	$(LATEXMK) -c
	rm -f $(addprefix $(NAME).,aux log bbl)
distclean: clean
	rm -f $(NAME).pdf $(FIGS)
