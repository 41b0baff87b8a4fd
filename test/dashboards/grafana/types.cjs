// Checks the dashboards against Grafana's own types: each file becomes a TypeScript literal that must
// satisfy the type of a dashboard, with the options of each panel's type. An unknown property is an error.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const ts = require('typescript');

const folder = path.resolve(process.argv[2]);
const names = fs.readdirSync(folder).filter((name) => name.endsWith('.json'));
const files = new Map(
  names.map((name) => [
    path.join(__dirname, `${path.basename(name, '.json')}.check.ts`),
    `import type { Shipped } from './dashboard';\nexport const dashboard = ${fs.readFileSync(path.join(folder, name), 'utf8').trim()} satisfies Shipped;\n`,
  ])
);

const options = {
  strict: true,
  noEmit: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  types: [],
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.Node16,
  moduleResolution: ts.ModuleResolutionKind.Node16,
};
const host = ts.createCompilerHost(options);
const { readFile, fileExists, getSourceFile } = host;
host.readFile = (name) => files.get(name) ?? readFile(name);
host.fileExists = (name) => files.has(name) || fileExists(name);
host.getSourceFile = (name, version) => (files.has(name) ? ts.createSourceFile(name, files.get(name), version) : getSourceFile(name, version));

const program = ts.createProgram([...files.keys()], options, host);
const errors = ts.getPreEmitDiagnostics(program);
process.stdout.write(ts.formatDiagnostics(errors, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => __dirname, getNewLine: () => '\n' }));
process.exitCode = names.length > 0 && errors.length === 0 ? 0 : 1;
