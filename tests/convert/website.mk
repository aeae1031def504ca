#: file content/a.md content/b.md content/blog/c.md style.css template.html
PAGES := $(shell question pages)
MD := $(wildcard content/*.md content/*/*.md)
HTML := $(MD:content/%.md=public/%.html)
PANDOC := pandoc --standalone --template=template.html
S3 := s3://$(BUCKET)
.PHONY: site serve deploy clean check minify
site: $(HTML) public/style.css
public/%.html: content/%.md template.html
	@mkdir -p $(@D)
	$(PANDOC) -o $@ $<
public/style.css: style.css
	@mkdir -p $(dir $@)
	cp $< $@
serve: site
	cd public && python3 -m http.server $(or $(PORT),8000)
deploy: site check
	aws s3 sync public/ $(S3) --delete --exclude "*.map" $(if $(DRY),--dryrun,)
	aws cloudfront create-invalidation --distribution-id "$(CF_ID)" --paths '/*'
check:
	linkchecker public/*.html
	@! grep -rn "TODO" content
minify: site
	find public -name '*.html' | xargs -n1 minify
clean:
	rm -rf public
