// Applies the transformations and field settings of panels with Grafana's own library. Reads a list
// of panels with the frames of their queries from standard input, writes the rows or series that
// they show to standard output.
'use strict';

const grafana = require('./library.cjs');
const { lastValueFrom } = require('rxjs');
globalThis.window = { __grafanaSceneContext: {} }; // so that transformations do not look up variables

const theme = grafana.createTheme({ colors: { mode: 'light' } });
const colors = new Map(['dark-blue', 'super-light-orange', 'dark-red', 'dark-purple', '#5a6673', 'text'].map((name) => [theme.visualization.getColorByName(name), name]));

const transformers = new Map(Object.values(grafana.standardTransformers).map((one) => [one.id, one]));
grafana.standardTransformersRegistry.setInit(() =>
  [...transformers.values()].map((one) => ({ id: one.id, name: one.name, transformation: one, editor: null }))
);

// Those properties registered by Grafana's panels that the dashboards use.
const standard = ['displayName', 'unit', 'decimals', 'min', 'max', 'noValue', 'color', 'thresholds', 'mappings', 'links'];
const custom = {
  table: ['align', 'cellOptions', 'hideFrom', 'inspect', 'minWidth', 'width', 'wrapText'],
  timeseries: ['drawStyle', 'fillOpacity', 'lineInterpolation', 'lineStyle', 'lineWidth', 'pointSize', 'showPoints', 'spanNulls'],
  'state-timeline': ['fillOpacity', 'insertNulls', 'lineWidth'],
};

function registry(type) {
  const item = (id, isCustom) => ({ id: isCustom ? `custom.${id}` : id, path: id, name: id, isCustom, process: (value) => value, shouldApply: () => true, settings: {} });
  return new grafana.Registry(() => [...standard.map((id) => item(id, false)), ...(custom[type] ?? []).map((id) => item(id, true))]);
}

// Grafana silently ignores unknown properties.
function checkProperties(panel) {
  const known = registry(panel.type);
  const use = (id) => {
    if (!known.getIfExists(id)) {
      throw new Error(`${panel.title}: a panel of type ${panel.type} has no property ${id}`);
    }
  };
  for (const id of Object.keys(panel.fieldConfig.defaults)) {
    id === 'custom' ? Object.keys(panel.fieldConfig.defaults.custom).forEach((one) => use(`custom.${one}`)) : use(id);
  }
  panel.fieldConfig.overrides.forEach((override) => override.properties.forEach((one) => use(one.id)));
}

// Links of each row as Grafana's templating expands them, with fixed values for the dashboard's
// variables and the time range.
const linksOf = (fields, frame) =>
  fields.flatMap((field) =>
    Array.from({ length: field.config.links?.length ? frame.length : 0 }, (_, rowIndex) => {
      const data = grafana.getFieldDisplayValuesProxy({ frame, rowIndex });
      return field.config.links.map(({ url }) => ({
        row: rowIndex,
        url: url.replace(/\$\{([^}]*)\}/g, (all, inside) => {
          const [name, format] = inside.split(':');
          const found = /^__data\.fields\.(\w+)$/.exec(name);
          if (found && format === 'percentencode') {
            return encodeURIComponent(`${data[found[1]]}`);
          }
          if (inside === 'datasource:queryparam' || inside === '__url_time_range') {
            return inside === '__url_time_range' ? 'from=now-8d&to=now' : 'var-datasource=influxdb';
          }
          throw new Error(`${all} in a link`);
        }),
      }));
    }).flat()
  );

const text = (display) => grafana.formattedValueToString(display);
const colored = (display, withColor) => (withColor && display.text !== '' && colors.has(display.color) && display.color !== theme.visualization.getColorByName('text') ? `${text(display)} [${colors.get(display.color)}]` : text(display));

// Whether any view of a panel has the field of an override or of sortBy, by panel and field.
const fieldFound = new Map();

async function render({ file, head, section, now, panel, source, frames }) {
  Date.now = () => now; // for times like "3 hours ago"
  checkProperties(panel);
  let data = (frames ?? []).map((frame) => grafana.toDataFrame(frame));
  for (const one of source ? [source, panel] : [panel]) {
    data = await lastValueFrom(grafana.transformDataFrame(one.transformations ?? [], data));
  }
  const replaceVariables = (value) => value;
  const fieldNames = data.flatMap((frame) => frame.fields.flatMap((field) => [field.name, grafana.getFieldDisplayName(field, frame, data)]));
  const overrides = panel.fieldConfig.overrides.filter((one) => one.matcher.id === 'byName').map((one) => one.matcher.options);
  for (const name of [...overrides, ...(panel.options.sortBy ?? []).map((one) => one.displayName)]) {
    const key = `${file}: ${name}`;
    fieldFound.set(key, fieldFound.get(key) || fieldNames.includes(name));
  }
  data = grafana.applyFieldOverrides({ data, fieldConfig: panel.fieldConfig, replaceVariables, theme, timeZone: 'utc', fieldConfigRegistry: registry(panel.type) });

  const heading = { file, head, section };
  switch (panel.type) {
    case 'stat': {
      const values = grafana.getFieldDisplayValues({ data, fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, replaceVariables, theme, timeZone: 'utc' });
      return { ...heading, columns: ['Title', 'Value'], rows: values.map(({ display }) => [display.title ?? '', colored(display, true)]) };
    }
    case 'table': {
      if (data.length > 1) {
        throw new Error(`${panel.title}: ${data.length} tables, but Grafana shows only one`);
      }
      const fields = (data[0]?.fields ?? []).filter((field) => !field.config.custom?.hideFrom?.viz);
      const rows = Array.from({ length: data[0]?.length ?? 0 }, (_, row) => fields.map((field) => colored(field.display(field.values[row]), field.config.custom?.cellOptions?.type === 'color-background')));
      return { ...heading, columns: fields.map((field) => grafana.getFieldDisplayName(field, data[0], data)), rows, links: linksOf(fields, data[0]) };
    }
    default: {
      const series = data.flatMap((frame) =>
        frame.fields.filter((field) => field.type !== 'time').map((field) => ({
          name: grafana.getFieldDisplayName(field, frame, data),
          points: field.values.map((value, i) => [frame.fields[0].values[i], colored(field.display(value), panel.type === 'state-timeline' && field.config.mappings)]),
        }))
      );
      return { ...heading, series };
    }
  }
}

async function main() {
  let input = '';
  for await (const part of process.stdin.setEncoding('utf8')) {
    input += part;
  }
  const panels = JSON.parse(input);
  const now = Date.now;
  const rendered = [];
  for (const panel of panels) {
    rendered.push(await render(panel));
  }
  Date.now = now;
  const missing = [...fieldFound].filter(([, found]) => !found).map(([key]) => key);
  if (missing.length > 0) {
    throw new Error(`an override or sortBy for a field that no view has: ${missing.join(', ')}`);
  }
  process.stdout.write(JSON.stringify(rendered));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
