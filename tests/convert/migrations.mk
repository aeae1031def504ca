# Databases: values from the environment, commands with quotes, a prompt.
DATABASE_URL ?= postgres://localhost:5432/shop?sslmode=disable
MIGRATE = migrate -path migrations -database "$(DATABASE_URL)"
NAME ?= $(error NAME is not set: make new NAME=add_users)
STEPS ?= 1

.PHONY: up down new status seed dump
up: ## Apply everything
	$(MIGRATE) up
down: ## Go back
	$(MIGRATE) down $(STEPS)
new: ## A new pair of files
	migrate create -ext sql -dir migrations -seq $(NAME)
status:
	@$(MIGRATE) version 2>&1 | sed 's/^/version: /'
seed: up
	psql "$(DATABASE_URL)" -v ON_ERROR_STOP=1 -c "insert into users values (1, 'O''Brien')" -f seed.sql
dump:
	pg_dump "$(DATABASE_URL)" | gzip > dump-$$(date +%F).sql.gz
