// Grafana's own library, loaded outside a browser.
'use strict';

// The library takes a window for granted when it is loaded; what it is built on must not see
// one, for then it takes a whole browser for granted.
require(require.resolve('react-use', { paths: [require.resolve('@grafana/data')] }));
globalThis.window = new EventTarget();
// It also asks for the language, which Node.js 20 does not tell.
globalThis.navigator ??= { language: 'en-US', languages: ['en-US'] };
console.info = console.warn = () => {}; // an advertisement of one of its dependencies
const log = console.log;
console.log = () => {};
const grafana = require('@grafana/data');
console.log = log;

module.exports = grafana;
