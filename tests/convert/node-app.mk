#: file package.json package-lock.json src/index.js
#: env NODE_ENV=development
NODE_ENV ?= production
NPM_BIN := ./node_modules/.bin
ESLINT = $(NPM_BIN)/eslint
JEST = NODE_ENV=test $(NPM_BIN)/jest
export NODE_ENV
export PATH := $(NPM_BIN):$(PATH)

.PHONY: start test lint watch build deploy clean coverage
start: node_modules
	node src/index.js
node_modules: package.json package-lock.json
	npm ci
	@touch $@
test: lint
	$(JEST) --runInBand
coverage:
	$(JEST) --coverage; cat coverage/lcov.info | coveralls
lint:
	$(ESLINT) 'src/**/*.js' --fix
watch:
	$(MAKE) build & nodemon --watch src --exec "npm run start"
build:
	webpack --mode=$(NODE_ENV)
	cp -r public/* dist/ 2>/dev/null || true
deploy: build test
	rsync -avz --delete dist/ "$(USER)@$(HOST):/var/www/app"
clean:
	rm -rf dist coverage
