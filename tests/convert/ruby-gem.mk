#: file Gemfile lib/a.rb
RUBY = ruby
BUNDLE := bundle exec
SPEC ?= spec
RAKE = $(BUNDLE) rake
.PHONY: install spec rubocop console gem release docs
install: vendor/bundle
vendor/bundle: Gemfile
	bundle config set --local path 'vendor/bundle'
	bundle install --jobs=4
spec: install
	$(BUNDLE) rspec $(SPEC) --format documentation
rubocop:
	$(BUNDLE) rubocop -A $(wildcard lib/*.rb)
console:
	@$(BUNDLE) irb -r ./lib/a.rb || true
gem:
	gem build *.gemspec
	@ls -1 *.gem || true
release: gem
	gem push $$(ls *.gem | tail -1)
docs: ; $(BUNDLE) yard doc --output-dir "doc/$(shell git rev-parse HEAD)"
