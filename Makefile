# What a developer and CI call; the README says more.
#
#   make build   the programs, into .bin/
#   make unit    the tests of the packages, without a browser and without "make catalog": in a minute
#   make test    unit tests, then end-to-end tests with a real Telegraf and InfluxDB
#   make test-windows  the programs for Windows and the MSI, under Wine
#   make lint    formatting, vet, golangci-lint
#   make package the packages of this commit for all platforms, into dist/
#   make demo    three environments in InfluxDB, on this machine, in a minute
#   make bench   the figures of docs/performance.md, dashboards.md and fleet.md, measured and written into them
#   make catalog the built-in catalogue brought up to date from public lists, for review
#   make fuzz    the parsers of everything that comes from outside, a minute each
#   make mutate  what judges, changed in one place at a time: which changes no test sees, in an hour or two

GOLANGCI_LINT = go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
ACTIONLINT    = go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
GOTESTSUM     = go run gotest.tools/gotestsum@v1.13.0
GREMLINS      = go run github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0

# No C library: one file that runs on any Linux. -s -w leaves out what only debuggers
# read.
BUILD = CGO_ENABLED=0 go build -buildvcs=auto -ldflags='-s -w'

.PHONY: build unit test test-windows lint package demo bench catalog fuzz mutate clean

build:
	@mkdir -p .bin
	$(BUILD) -o .bin/ ./cmd/...

unit:
	$(GOTESTSUM) --format pkgname-and-test-fails -- -short ./cmd/... ./internal/... ./plugins/...

# A shared machine can starve a test: where no more than three failed, they run once more. At the
# end gotestsum says what ran, what failed first, and what was skipped with the reason.
test:
	$(GOTESTSUM) --format pkgname-and-test-fails --rerun-fails=1 --rerun-fails-max-failures=3 --packages=./... -- -race -timeout 20m

test-windows:
	$(GOTESTSUM) --format testname --rerun-fails=1 --rerun-fails-max-failures=3 --packages=./test/windows -- -count=1 -timeout 30m -args -windows

lint:
	go mod tidy -diff
	go vet ./...
	GOOS=windows go vet ./...
	$(GOLANGCI_LINT) run ./...
	$(ACTIONLINT)
	@cd deploy/fleet/ansible && if command -v ansible-lint >/dev/null; then LC_ALL=C.UTF-8 ansible-lint; \
		else echo "The role was not checked: ansible-lint is not installed"; fi

package:
	rm -rf dist
	packaging/build dist

demo:
	go run ./test/demo

# On two cores some 25 minutes. The figures and the pages stay as they were where something failed.
# SMALL and LARGE choose the numbers of servers, for a try: SMALL=100 LARGE=none.
SMALL = 1|100|1000
LARGE = 5000|10000
BENCH = go test -run '^$$' -timeout 60m

bench:
	@mkdir -p .bin
	@{ echo "date: $$(date -u +%F)"; echo "go: $$(go env GOVERSION)"; \
		$(BENCH) -benchtime 1x -count 3 -bench 'Round/servers=($(SMALL))$$/hanging=none|FirstPoint|Size' ./test/bench && \
		$(BENCH) -benchtime 1x -bench 'Round/servers=($(SMALL))$$/hanging=(tenth|all)|Round/servers=($(LARGE))$$|Agents' ./test/bench && \
		$(BENCH) -benchtime 3x -bench . ./test/dashboards; } | tee .bin/figures.txt
	@! grep -q FAIL .bin/figures.txt
	cp .bin/figures.txt test/bench/testdata/figures.txt
	go test ./test/bench -run TestPages -update

# FROM=lists.tar.gz reads what "catalog download" saved instead of the network; RELEASES_URL,
# ADVISORIES_URL and EXPLOITED_URL name mirrors. A source that fails makes the status 1, but
# what the others brought is shown and stays.
catalog:
	@set -e; old=$$(mktemp); trap 'rm -f "$$old"' EXIT; cp internal/catalog/catalog.toml "$$old"; status=0; \
	go run ./cmd/telegraf-qlik-sense-version catalog update \
		$(if $(FROM),--from '$(FROM)') $(if $(RELEASES_URL),--releases-url '$(RELEASES_URL)') \
		$(if $(ADVISORIES_URL),--advisories-url '$(ADVISORIES_URL)') $(if $(EXPLOITED_URL),--exploited-url '$(EXPLOITED_URL)') \
		internal/catalog/catalog.toml || status=$$?; \
	go run ./internal/catalog/review "$$old" internal/catalog/catalog.toml; exit $$status

fuzz:
	go test -run '^$$' -fuzz FuzzDecode -fuzztime 1m ./internal/systeminfo
	go test -run '^$$' -fuzz FuzzDecode -fuzztime 1m ./internal/discovery
	go test -run '^$$' -fuzz FuzzParseServer -fuzztime 1m ./internal/poll
	go test -run '^$$' -fuzz FuzzParse -fuzztime 1m ./internal/settings
	go test -run '^$$' -fuzz FuzzDropIn -fuzztime 1m ./internal/settings
	go test -run '^$$' -fuzz FuzzLocate -fuzztime 1m ./internal/settings
	go test -run '^$$' -fuzz 'FuzzParse$$' -fuzztime 1m ./internal/release
	go test -run '^$$' -fuzz FuzzParseBuild -fuzztime 1m ./internal/release
	go test -run '^$$' -fuzz FuzzJudge -fuzztime 1m ./internal/judgement
	go test -run '^$$' -fuzz FuzzParse -fuzztime 1m ./internal/catalog
	go test -run '^$$' -fuzz FuzzReadReleases -fuzztime 1m ./internal/feed
	go test -run '^$$' -fuzz FuzzReadText -fuzztime 1m ./internal/feed
	go test -run '^$$' -fuzz FuzzReadCPEs -fuzztime 1m ./internal/feed
	go test -run '^$$' -fuzz FuzzUnpackBundle -fuzztime 1m ./internal/feed
	go test -run '^$$' -fuzz FuzzCheck -fuzztime 1m ./internal/nesting

# Shown are the mutations that lived, that timed out and that no test of their package reaches;
# docs/reliability.md says why each of them may. -count=1 lets Go run the tests again for gremlins'
# own measure of their time. Left out is what only tests and reviews call.
mutate:
	@for package in judgement catalog feed release plan; do echo "internal/$$package"; \
		GOFLAGS=-count=1 nice $(GREMLINS) unleash --workers 1 --timeout-coefficient 10 --output-statuses lct \
			--invert-assignments --invert-bitwise --invert-bwassign --invert-logical --invert-loopctrl --remove-self-assignments \
			--exclude-files '^(feedtest|review)/' ./internal/$$package || exit; done

clean:
	rm -rf .bin dist
