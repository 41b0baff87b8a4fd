// The type of the shipped dashboards: Grafana's types, with JSON's strings and numbers instead of
// enumerations, and with the options of each panel type.
import type { Dashboard, DataSourceRef, FieldConfig, GraphFieldConfig, Panel, RowPanel, TableFieldOptions, TableOptions, ValueMapping, VariableModel } from '@grafana/schema';
import type { Options as Stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { FieldConfig as StateTimelineField, Options as StateTimeline } from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type { Options as Text } from '@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen';
import type { Options as TimeSeries } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

/** The JSON form of a type: enumerations are strings and numbers. */
type Json<T> = T extends string
  ? `${T}`
  : T extends number
    ? `${T}` extends `${infer N extends number}` ? N : number
    : T extends boolean | null | undefined
      ? T
      : unknown extends T
        ? T
        : T extends readonly (infer E)[]
          ? readonly Json<E>[]
          : { readonly [K in keyof T]: Json<T[K]> };

type Known<T> = { [K in keyof T as string extends K ? never : K]: T[K] };

interface Source { type: 'influxdb'; uid: '${datasource}' }

/** Grafana's own data source for the rows of another panel of the dashboard. */
interface Shared { type: 'datasource'; uid: '-- Dashboard --' }

/** The rows of another panel, as transformed by that panel. */
interface Share {
  refId: string;
  datasource: Shared;
  panelId: number;
  withTransforms: true;
}

/** A query of the InfluxDB data source, in InfluxQL. */
interface Query {
  refId: string;
  datasource: Source;
  query: string;
  rawQuery: true;
  resultFormat: 'table' | 'time_series';
  alias?: string;
}

type Calculate =
  | { mode: 'binary'; binary: { left: string; operator: '+' | '-' | '*' | '/'; right: string } }
  | { mode: 'unary'; unary: { operator: 'abs' | 'floor'; fieldName: string } }
  | { mode: 'reduceRow'; reduce: { include: string[]; reducer: 'sum' | 'max' } };

type Transformation =
  | { id: 'merge'; options: Record<never, never> }
  | { id: 'organize'; options: { excludeByName: Record<string, boolean>; includeByName: Record<string, true>; indexByName: Record<string, number>; renameByName: Record<string, string> } }
  | { id: 'groupBy'; options: { fields: Record<string, { aggregations: string[]; operation: 'groupby' | 'aggregate' }> } }
  | { id: 'calculateField'; options: { alias: string; replaceFields: boolean } & Calculate }
  | { id: 'reduce'; options: { includeTimeField: boolean; mode: 'reduceFields'; reducers: string[] } }
  | { id: 'filterByValue'; options: { filters: Array<{ fieldName: string; config: { id: string; options: { value?: number | string } } }>; match: 'any' | 'all'; type: 'include' | 'exclude' } }
  | { id: 'sortBy'; options: { fields: Record<never, never>; sort: [{ field: string; desc: boolean }] } };

type Override = {
  matcher: { id: 'byName' | 'byFrameRefID' | 'byRegexp'; options: string };
  properties: Array<
    | { id: 'mappings'; value: ValueMapping[] }
    | { id: 'thresholds'; value: NonNullable<FieldConfig['thresholds']> }
    | { id: 'links'; value: Array<{ title: string; url: string }> }
    | { id: 'unit' | 'displayName' | 'noValue'; value: string }
    | { id: 'decimals' | 'min' | 'custom.width' | 'custom.minWidth'; value: number }
    | { id: 'color'; value: NonNullable<FieldConfig['color']> }
    | { id: 'custom.hideFrom'; value: NonNullable<TableFieldOptions['hideFrom']> }
    | { id: 'custom.lineStyle'; value: NonNullable<GraphFieldConfig['lineStyle']> }
    | { id: 'custom.wrapText'; value: boolean }
    | { id: 'custom.cellOptions'; value: TableFieldOptions['cellOptions'] }
  >;
};

type PanelOf<Type extends string, Options, Custom> = Omit<Known<Panel>, 'type' | 'datasource' | 'targets' | 'transformations' | 'fieldConfig' | 'options' | 'title' | 'description'> & {
  type: Type;
  title: string;
  description: string;
  pluginVersion: '12.3.0';
  transformations?: Transformation[];
  fieldConfig: { defaults: Omit<Known<FieldConfig>, 'custom'> & { custom?: Custom }; overrides: Override[] };
  options: Options;
} & ({ datasource: Source; targets: Query[] } | { datasource: Shared; targets: [Share] });

/** Only panel types that ship with Grafana. */
type CorePanel =
  | PanelOf<'table', Omit<TableOptions, 'frameIndex'>, Known<TableFieldOptions>>
  | PanelOf<'stat', Stat, never>
  | PanelOf<'timeseries', TimeSeries, Known<GraphFieldConfig>>
  | PanelOf<'state-timeline', StateTimeline, Known<StateTimelineField & Pick<GraphFieldConfig, 'insertNulls'>>>
  | (Omit<Known<Panel>, 'type' | 'options' | 'fieldConfig'> & { type: 'text'; options: Text })
  | Known<RowPanel>;

type Variable = Omit<Known<VariableModel>, 'datasource'> & { datasource?: Source; allValue?: string; definition?: string; filters?: []; label: string };

interface Annotation {
  name: string;
  datasource: Source;
  enable: boolean;
  iconColor: string;
  target: { refId: string; name: string; fromAnnotations: true; rawQuery: true; query: string; titleColumn: string; textColumn: string; tagsColumn: string; timeEndColumn: string };
}

export type Shipped = Json<
  Omit<Known<Dashboard>, 'panels' | 'templating' | 'annotations' | 'uid' | 'schemaVersion'> & {
    uid: `qlik-sense-${string}`;
    schemaVersion: 42;
    panels: CorePanel[];
    templating: { list: Variable[] };
    annotations: { list: Annotation[] };
  }
>;
export type { DataSourceRef };
