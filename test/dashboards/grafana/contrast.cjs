// Computes the contrast of every coloured number and cell of the dashboards in Grafana's light and
// dark theme, and writes a line for each below 4.5 (WCAG 2.2, success criterion 1.4.3). Chart lines
// carry no text and are left out.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const grafana = require('./library.cjs');

const minimum = 4.5;

const channel = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const contrast = (a, b) => {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
};
const rgb = (color) =>
  color.startsWith('#')
    ? (color.length === 4 ? [...color.slice(1)].map((one) => one + one) : color.match(/[0-9a-f]{2}/gi)).map((one) => parseInt(one, 16))
    : color.match(/\d+/g).slice(0, 3).map(Number);

// Grafana chooses the text colour on a background in two ways: by the theme, and, in table cells and
// stats, by brightness. A background needs enough contrast with both.
function textColorsOn(color, theme) {
  const [r, g, b] = rgb(color);
  const bright = (r * 299 + g * 587 + b * 114) / 1000 > 180;
  return [theme.colors.getContrastText(color), bright ? 'rgb(32, 34, 38)' : 'rgb(247, 248, 250)'];
}

// The background colours of a panel's text, as pairs of colour and place.
function colorsOf(panel) {
  const found = [];
  const steps = (of, where) => of?.steps.forEach(({ color }) => found.push([color, where]));
  const mapped = (of, where) => of?.forEach((one) => Object.values(one.options).forEach((result) => result.color && found.push([result.color, where])));
  const { defaults, overrides } = panel.fieldConfig;
  if (panel.type === 'stat') {
    if (panel.options.colorMode !== 'background_solid') {
      throw new Error(`${panel.title}: numbers that are coloured themselves have too little contrast in one of the themes`);
    }
    steps(defaults.thresholds, panel.title);
  }
  if (panel.type === 'state-timeline' && defaults.color.mode === 'fixed') {
    found.push([defaults.color.fixedColor, panel.title]);
  }
  for (const { matcher, properties } of overrides) {
    const where = `${panel.title}, ${matcher.options}`;
    for (const { id, value } of properties) {
      if (id === 'thresholds') {
        steps(value, where);
      } else if (id === 'mappings') {
        mapped(value, where);
      } else if (id === 'custom.cellOptions' && !['auto', 'color-background', 'gauge'].includes(value.type)) {
        throw new Error(`${where}: text that is coloured itself has too little contrast in one of the themes`);
      }
    }
  }
  return found;
}

const folder = path.resolve(process.argv[2]);
const seen = new Set();
for (const name of fs.readdirSync(folder).filter((one) => one.endsWith('.json'))) {
  const { panels } = JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8'));
  for (const panel of panels.filter((one) => one.fieldConfig)) {
    for (const [color, where] of colorsOf(panel)) {
      for (const mode of ['light', 'dark']) {
        const theme = grafana.createTheme({ colors: { mode } });
        const background = theme.visualization.getColorByName(color);
        seen.add(color);
        for (const text of textColorsOn(background, theme)) {
          const ratio = contrast(rgb(text), rgb(background));
          if (ratio < minimum) {
            process.stdout.write(`${name}: ${where}: ${color}, ${mode} theme: ${ratio.toFixed(2)}\n`);
          }
        }
      }
    }
  }
}
if (seen.size < 4) {
  throw new Error(`only ${[...seen].join(', ')} found`);
}
