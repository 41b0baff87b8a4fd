package html

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"telegraf-qlik-sense-version/internal/golden"
	"telegraf-qlik-sense-version/internal/plan"
	"telegraf-qlik-sense-version/internal/report/reporttest"
)

// browser is a headless Chromium that all tests share.
type browser struct {
	ctx  context.Context
	dir  string // its profile and temporary files
	stop func()
}

// start starts the browser for the first test that needs it.
var start = sync.OnceValues(func() (*browser, error) {
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "report-browser-")
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(dir),
		chromedp.Env("TMPDIR="+dir), chromedp.DisableGPU)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeBrowser := chromedp.NewContext(ctx)
	running = &browser{ctx: ctx, dir: dir, stop: func() {
		chromedp.Cancel(ctx) // waits for the process
		closeBrowser()
		end()
	}}
	return running, chromedp.Do(ctx)
})

// running is the browser, once it has been started.
var running *browser

// TestMain stops the browser, and fails if any of its processes or files are left.
func TestMain(m *testing.M) {
	code := m.Run()
	if running != nil {
		running.stop()
		for deadline := time.Now().Add(10 * time.Second); len(processesOf(running.dir)) > 0 && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
		if left := processesOf(running.dir); len(left) > 0 {
			fmt.Fprintln(os.Stderr, "left of the browser:", left)
			code = 1
		}
		os.RemoveAll(running.dir)
	}
	os.Exit(code)
}

// newBrowser returns the browser, or skips the test.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("not run in short mode: a browser takes its time")
	}
	br, err := start()
	require.NoError(t, err)
	if br == nil {
		t.Skip("needs chromium, chromium-browser or google-chrome in PATH")
	}
	return br
}

// processesOf returns the processes with a folder in their command lines; none on systems without /proc.
func processesOf(dir string) (found []string) {
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range commands {
		if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte(dir)) {
			found = append(found, file)
		}
	}
	return found
}

// tab is a report in a tab of a browser.
type tab struct {
	t        *testing.T
	ctx      context.Context
	mu       sync.Mutex
	trouble  []string // errors on the console, exceptions
	requests []string
}

// open loads a report from a file, on a screen of the given width.
func (br *browser) open(t *testing.T, content []byte, width int64, prepare ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	require.NoError(t, os.WriteFile(file, content, 0o600))
	address := (&url.URL{Scheme: "file", Path: file}).String()

	ctx, cancel := chromedp.NewContext(br.ctx)
	require.NoError(t, chromedp.Do(ctx)) // the tab closes with the context that opened it
	b := &tab{t: t, ctx: ctx}
	b.do(chromedp.EmulateViewport(width, 900), chromedp.Steps(prepare...))
	require.NoError(t, chromedp.Listen(ctx, b.listen))
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		require.Empty(t, b.trouble)
		require.Equal(t, []string{address}, b.requests, "the page loads nothing")
		cancel()
	})
	b.do(chromedp.Navigate(address))
	return b
}

func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.trouble = append(b.trouble, fmt.Sprintf("%s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		b.trouble = append(b.trouble, fmt.Sprintf("console.%s", e.Type))
	case *log.EventEntryAdded:
		b.trouble = append(b.trouble, e.Entry.Text)
	case *cdppage.EventJavascriptDialogOpening:
		b.trouble = append(b.trouble, "dialog: "+e.Message)
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second) // chromedp waits without limit for a missing element
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

// eval returns the value of a JavaScript expression.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err)
	return value
}

// call runs a command of the DevTools protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	require.NoError(b.t, err)
	return result
}

// media emulates a medium, "" for a screen, and a colour scheme, "light" or "dark".
func media(medium, scheme string) emulation.SetEmulatedMediaParams {
	return emulation.SetEmulatedMediaParams{Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
}

func withoutScript(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
	_, err = cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return none, err
}

func TestHTMLInBrowser(t *testing.T) {
	br := newBrowser(t)
	r := reporttest.Mixed(t)
	mixed := render(t, r)
	large := reporttest.Large(t, 200) // more versions than have bars

	t.Run("counts", func(t *testing.T) {
		b := br.open(t, mixed, 1280)
		counts := eval[map[string]string](b, `Object.fromEntries(Array.from(document.querySelectorAll("[data-count]"), e => [e.dataset.count, e.dataset.value]))`)
		require.Equal(t, wantedCounts(&r.Summary), counts)
	})
	t.Run("charts", func(t *testing.T) { requireCharts(t, br.open(t, mixed, 1280), r) })
	t.Run("charts of a large fleet", func(t *testing.T) { requireCharts(t, br.open(t, render(t, large), 1280), large) })
	t.Run("sort", func(t *testing.T) { requireSorting(br.open(t, mixed, 1280)) })
	t.Run("filter", func(t *testing.T) { requireFilter(br.open(t, mixed, 1280)) })
	t.Run("no script", func(t *testing.T) {
		b := br.open(t, mixed, 1280, withoutScript)
		require.Equal(t, r.Summary.Servers, eval[int](b, `document.querySelectorAll(".servers tbody tr").length`))
		require.Equal(t, 0, eval[int](b, `document.querySelectorAll("button").length`))
		require.False(t, eval[bool](b, `document.getElementById("tools").checkVisibility()`))
		text := eval[string](b, `document.body.innerText`)
		for i := range r.Advisories {
			require.Contains(t, text, r.Advisories[i].Summary)
		}
		planned, err := plan.New(r, plan.Options{})
		require.NoError(t, err)
		for _, s := range newPage(planned).failed {
			require.Contains(t, strings.ToLower(text), strings.ToLower(s.Outcome.Cause))
			require.Contains(t, strings.ToLower(text), strings.ToLower(s.Outcome.Hint))
		}
	})
	for i, payload := range payloads {
		t.Run(fmt.Sprintf("hostile %d", i+1), func(t *testing.T) {
			bad, _ := poisoned(t, payload)
			b := br.open(t, render(t, bad), 380)
			requireWithin(b, 380)
			b.do(chromedp.EmulateViewport(1280, 900))
			requireWithin(b, 1280)
			b.do(chromedp.EmulateViewport(papers[0].width, papers[0].height))
			call(b, emulation.SetEmulatedMedia, media("print", "light"))
			requireWithin(b, papers[0].width)
		})
	}
	for _, width := range []int64{320, 380, 620, 1080, 1081, 1280, 2560} {
		t.Run(fmt.Sprintf("width %d", width), func(t *testing.T) {
			b := br.open(t, mixed, width)
			requireWithin(b, width)
			require.Equal(t, width > 1080, eval[bool](b, `document.querySelector(".list thead").checkVisibility()`))
			hidden := eval[[]string](b, `Array.from(document.querySelectorAll("main *"))
				.filter(e => !e.checkVisibility() && e.innerText !== "" && !e.closest("thead, details, [hidden], svg")).map(e => e.outerHTML)`)
			require.Empty(t, hidden)
		})
	}
	for _, name := range []string{"light", "dark"} {
		t.Run("contrast "+name, func(t *testing.T) {
			b := br.open(t, mixed, 1280)
			call(b, emulation.SetEmulatedMedia, media("", name))
			requireContrast(b, name)
		})
	}
	t.Run("print", func(t *testing.T) {
		folded := render(t, reporttest.Large(t, 100))
		require.Contains(t, string(folded), "<details><summary>", "lists are folded on the screen")
		for name, content := range map[string][]byte{"mixed": mixed, "large": folded} {
			b := br.open(t, content, 1280)
			call(b, emulation.SetEmulatedMedia, media("", "dark"))
			file := call(b, cdppage.PrintToPDF, cdppage.PrintToPDFParams{}).Data
			require.Contains(t, string(file[:8]), "PDF", name)
			call(b, emulation.SetEmulatedMedia, media("print", "dark"))
			require.Equal(t, "rgb(255, 255, 255)", eval[string](b, `getComputedStyle(document.body).backgroundColor`), "paper is white")
			require.True(t, eval[bool](b, `getComputedStyle(document.body).color.match(/\d+/g).every(part => part < 64)`), "and ink is dark")
			require.Empty(t, eval[[]string](b, `Array.from(document.querySelectorAll("details > dl, details > ul, details > table"))
				.filter(e => !e.checkVisibility()).map(e => e.outerHTML)`), "nothing is folded on paper")
		}
	})
	if golden.Update() {
		drawPicture(t, br)
	}
}

// drawPicture draws the picture of the README. It is not compared, because browsers render it differently
// on each machine.
func drawPicture(t *testing.T, br *browser) {
	t.Helper()
	b := br.open(t, render(t, reporttest.Demonstration(t)), 1280)
	beyond := true
	picture := call(b, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{
		Clip: &cdppage.Viewport{Width: 1280, Height: 1530, Scale: 1}, CaptureBeyondViewport: &beyond,
	}).Data
	require.NoError(t, os.WriteFile(filepath.Join("..", "..", "..", "deploy", "report.png"), picture, 0o644))
}
