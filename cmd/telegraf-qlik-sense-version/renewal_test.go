package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const renewal = "../../deploy/renewal/"

func TestSystemdUnits(t *testing.T) {
	units, err := filepath.Glob(renewal + "systemd/*")
	require.NoError(t, err)
	require.Len(t, units, 2)
	service, err := os.ReadFile(renewal + "systemd/telegraf-qlik-sense-catalog.service")
	require.NoError(t, err)
	require.NotContains(t, string(service), "[Install]", "off by default: only the timer can be enabled")
	require.Contains(t, string(service), `exec "$$PROGRAM" catalog update $$OPTIONS "$$CATALOG"`)

	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("not verified: needs the program systemd-analyze")
	}
	output, err := exec.Command(analyze, append([]string{"verify"}, units...)...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Empty(t, string(output))
}

func TestScheduledTask(t *testing.T) {
	text, err := os.ReadFile(renewal + "windows/qlik-sense-catalog.xml")
	require.NoError(t, err)
	for decoder := xml.NewDecoder(strings.NewReader(string(text))); ; {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	var task struct {
		XMLName  xml.Name `xml:"http://schemas.microsoft.com/windows/2004/02/mit/task Task"`
		Triggers struct {
			CalendarTrigger struct{ RandomDelay string }
		}
		Settings struct{ Enabled bool }
		Actions  struct {
			Exec struct{ Command, Arguments string }
		}
	}
	task.Settings.Enabled = true
	require.NoError(t, xml.Unmarshal(text, &task))
	require.False(t, task.Settings.Enabled, "off by default")
	require.NotEmpty(t, task.Triggers.CalendarTrigger.RandomDelay)
	require.True(t, strings.HasPrefix(task.Actions.Exec.Arguments, "catalog update "))
}
