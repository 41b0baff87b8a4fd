// What Grafana shows of the frames that the queries of the dashboards gave: the
// transformations and the field settings of each panel are applied by Grafana's own
// library. Reads a list of panels with their frames on standard input, writes what they
// show on standard output.
'use strict';

const grafana = require('./library.cjs');
const { lastValueFrom } = require('rxjs');
globalThis.window = { __grafanaSceneContext: {} }; // variables in transformations are not asked for then

const theme = grafana.createTheme({ colors: { mode: 'light' } });
const colors = new Map(['dark-blue', 'super-light-orange', 'dark-red', 'dark-purple', '#5a6673', 'text'].map((name) => [theme.visualization.getColorByName(name), name]));

const transformers = new Map(Object.values(grafana.standardTransformers).map((one) => [one.id, one]));
grafana.standardTransformersRegistry.setInit(() =>
  [...transformers.values()].map((one) => ({ id: one.id, name: one.name, transformation: one, editor: null }))
);

// The properties that Grafana's panels register, as far as the dashboards use them.
const standard = ['displayName', 'unit', 'decimals', 'min', 'max', 'noValue', 'color', 'thresholds', 'mappings', 'links'];
const custom = {
  table: ['align', 'cellOptions', 'hideFrom', 'inspect', 'minWidth', 'width', 'wrapText'],
  timeseries: ['drawStyle', 'fillOpacity', 'lineInterpolation', 'lineStyle', 'lineWidth', 'pointSize', 'showPoints', 'spanNulls'],
  'state-timeline': ['fillOpacity', 'lineWidth'],
};

function registry(type) {
  const item = (id, isCustom) => ({ id: isCustom ? `custom.${id}` : id, path: id, name: id, isCustom, process: (value) => value, shouldApply: () => true, settings: {} });
  return new grafana.Registry(() => [...standard.map((id) => item(id, false)), ...(custom[type] ?? []).map((id) => item(id, true))]);
}

// Properties that are not there would be passed over in silence.
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

// Links as Grafana's templating makes them of a row; the variables of the dashboard and the
// time range are what they are.
const linked = (fields, frame) =>
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
const colored = (display, wanted) => (wanted && display.text !== '' && colors.has(display.color) && display.color !== theme.visualization.getColorByName('text') ? `${text(display)} [${colors.get(display.color)}]` : text(display));

// The fields for which there is an override, or by which rows are sorted, and whether any view of
// the panel has them.
const wanted = new Map();

async function show({ file, head, section, now, panel, source, frames }) {
  Date.now = () => now; // for times like "3 hours ago"
  checkProperties(panel);
  let data = (frames ?? []).map((frame) => grafana.toDataFrame(frame));
  for (const one of source ? [source, panel] : [panel]) {
    data = await lastValueFrom(grafana.transformDataFrame(one.transformations ?? [], data));
  }
  const replaceVariables = (value) => value;
  const named = data.flatMap((frame) => frame.fields.flatMap((field) => [field.name, grafana.getFieldDisplayName(field, frame, data)]));
  const overrides = panel.fieldConfig.overrides.filter((one) => one.matcher.id === 'byName').map((one) => one.matcher.options);
  for (const name of [...overrides, ...(panel.options.sortBy ?? []).map((one) => one.displayName)]) {
    const key = `${file}: ${name}`;
    wanted.set(key, wanted.get(key) || named.includes(name));
  }
  data = grafana.applyFieldOverrides({ data, fieldConfig: panel.fieldConfig, replaceVariables, theme, timeZone: 'utc', fieldConfigRegistry: registry(panel.type) });

  const shown = { file, head, section };
  switch (panel.type) {
    case 'stat': {
      const values = grafana.getFieldDisplayValues({ data, fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, replaceVariables, theme, timeZone: 'utc' });
      return { ...shown, columns: ['Title', 'Value'], rows: values.map(({ display }) => [display.title ?? '', colored(display, true)]) };
    }
    case 'table': {
      if (data.length > 1) {
        throw new Error(`${panel.title}: ${data.length} tables, and only one of them is shown`);
      }
      const fields = (data[0]?.fields ?? []).filter((field) => !field.config.custom?.hideFrom?.viz);
      const rows = Array.from({ length: data[0]?.length ?? 0 }, (_, row) => fields.map((field) => colored(field.display(field.values[row]), field.config.custom?.cellOptions?.type === 'color-background')));
      return { ...shown, columns: fields.map((field) => grafana.getFieldDisplayName(field, data[0], data)), rows, links: linked(fields, data[0]) };
    }
    default: {
      const series = data.flatMap((frame) =>
        frame.fields.filter((field) => field.type !== 'time').map((field) => ({
          name: grafana.getFieldDisplayName(field, frame, data),
          points: field.values.map((value, i) => [frame.fields[0].values[i], colored(field.display(value), panel.type === 'state-timeline' && field.config.mappings)]),
        }))
      );
      return { ...shown, series };
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
  const shown = [];
  for (const panel of panels) {
    shown.push(await show(panel));
  }
  Date.now = now;
  const never = [...wanted].filter(([, there]) => !there).map(([key]) => key);
  if (never.length > 0) {
    throw new Error(`an override or a sorting for a field that no view has: ${never.join(', ')}`);
  }
  process.stdout.write(JSON.stringify(shown));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
