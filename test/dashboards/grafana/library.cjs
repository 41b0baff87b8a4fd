// Grafana's own library, loaded outside a browser.
'use strict';

// The library needs a window when it is loaded, but its dependency react-use must not see one: it
// would expect a whole browser.
require(require.resolve('react-use', { paths: [require.resolve('@grafana/data')] }));
globalThis.window = new EventTarget();
// It also needs navigator.language, which Node.js 20 lacks.
globalThis.navigator ??= { language: 'en-US', languages: ['en-US'] };
console.info = console.warn = () => {}; // a dependency prints an advertisement
const log = console.log;
console.log = () => {};
const grafana = require('@grafana/data');
console.log = log;

module.exports = grafana;
