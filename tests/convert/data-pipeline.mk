#: file raw/2023.csv raw/2024.csv scripts/clean.py scripts/plot.R
YEARS := 2023 2024
CLEAN := $(YEARS:%=clean/%.csv)
PLOTS := $(patsubst clean/%.csv,plots/%.png,$(CLEAN))
PY := python3
all: report.pdf
clean/%.csv: raw/%.csv scripts/clean.py
	mkdir -p clean
	$(PY) scripts/clean.py --input $< --output $@ --year $*
clean/all.csv: $(CLEAN)
	head -n 1 $< > $@
	for f in $^; do tail -n +2 $$f >> $@; done
plots/%.png: clean/%.csv scripts/plot.R
	Rscript scripts/plot.R $^ $@
report.pdf: clean/all.csv $(PLOTS)
	render report.md -o $@ $(foreach p,$(PLOTS),--image $(p))
stats: clean/all.csv
	@echo "rows: $$(wc -l < $<)" || true
	summarise $< | tee stats.txt
.PHONY: all stats wipe
wipe:
	rm -rf clean plots report.pdf
.INTERMEDIATE: clean/tmp.csv
.PRECIOUS: plots/%.png
.DELETE_ON_ERROR:
