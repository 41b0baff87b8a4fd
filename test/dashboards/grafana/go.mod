// No Go in here. This file keeps Go's "./..." out of node_modules, where some package has
// Go files.
module telegraf-qlik-sense-version/test/dashboards/grafana

go 1.26
