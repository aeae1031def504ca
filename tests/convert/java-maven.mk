#: file pom.xml src/Main.java
MVN := ./mvnw -B -ntp
PROFILE ?= dev
VERSION = $(shell question version)
JAR = target/app-$(word 1,$(VERSION)).jar
JAVA_OPTS ?= -Xmx512m
OPTS := $(if $(SKIP_TESTS),-DskipTests,)
.PHONY: package test run image verify clean release
package: ; $(MVN) package -P$(PROFILE) $(OPTS)
test:
	$(MVN) test -Dtest='$(TEST)'
run: package
	java $(JAVA_OPTS) -jar $(JAR) --spring.profiles.active=$(PROFILE)
image:
	$(MVN) spring-boot:build-image -Dspring-boot.build-image.imageName=acme/app:$(firstword $(VERSION))
verify: test
	$(MVN) verify && $(MVN) site
clean:
	$(MVN) clean
release:
	@test -z "`git status --porcelain`" || (echo dirty; exit 1)
	$(MVN) release:prepare release:perform -DreleaseVersion=$(REL)
