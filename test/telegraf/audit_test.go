//go:build linux

package telegraf

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/simulator"
	"telegraf-qlik-sense-version/test/rig"
)

// check audits what Telegraf runs: it reads the same drop-ins, with the environment variables of
// Telegraf's service, and must find the servers and tags that the points have.
func TestCheckReadsDropIns(t *testing.T) {
	r := rig.New(t)
	_, hosts := r.Start(simulator.Server{}, simulator.Server{Fault: simulator.Fault401}, simulator.Server{})
	envFile := r.Write("telegraf.env", "# of the service\nFIRST=\""+hosts[0]+"\"\nSITE='Zürich $HOME'\nTELEGRAF_OPTS=\n")
	oneFile := r.DropIn(r.Block([]string{"${FIRST}", hosts[1]}, "  [inputs.qlik_sense_version.tags]\n    environment = \"PROD$$1\"\n    site = \"$${SITE}\"\n"))
	twoFiles := "[[inputs.execd]]\n  command = ['" + r.Tools.Plugin + "', \"--config\", '" +
		r.Write("settings.toml", r.Block(hosts[2:], "  [inputs.qlik_sense_version.tags]\n    environment = \"${STAGE}\"\n")) +
		"']\n  environment = [\"STAGE=TEST\"]\n  signal = \"STDIN\"\n  data_format = \"influx\"\n  interval = \"1h\"\n"
	dropIns := []string{r.Write("one-file.conf", oneFile), r.Write("two-files.conf", twoFiles)}
	telegraf := r.Telegraf(oneFile+twoFiles, "FIRST="+hosts[0], "SITE=Zürich $HOME")
	server := func(source, environment, site any) string { return fmt.Sprint(source, " ", environment, " ", site) }
	points := r.Points(3, "")
	polled := make([]string, 0, len(points))
	for _, point := range points {
		polled = append(polled, server(point["source"], point["environment"], point["site"]))
	}
	_, err := telegraf.Stop(rig.Patience)
	require.NoError(t, err)
	require.Contains(t, polled, server(hosts[0], "PROD$1", "Zürich $HOME"))

	out, err := exec.CommandContext(t.Context(), r.Tools.Plugin, "check", "--output", "json",
		"--config", dropIns[0], "--config", dropIns[1], "--env-file", envFile).Output()
	var status *exec.ExitError
	require.ErrorAs(t, err, &status)
	require.Equal(t, 3, status.ExitCode(), string(status.Stderr))
	var document struct {
		Blocks []struct {
			Tags    map[string]any
			Servers []struct{ Source string }
		}
	}
	require.NoError(t, json.Unmarshal(out, &document))
	var audited []string
	for _, block := range document.Blocks {
		for _, s := range block.Servers {
			audited = append(audited, server(s.Source, block.Tags["environment"], block.Tags["site"]))
		}
	}
	require.ElementsMatch(t, polled, audited)
}
