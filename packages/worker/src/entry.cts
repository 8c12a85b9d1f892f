// The file that piscina loads. In: the one task. Next: index.ts.
//
// CommonJS, because piscina tries `require()` first, and a thread that is terminated while Node 20 has an ES module in a
// `require()` takes the whole process with it: "v8::Module::IsGraphAsync must be used on an instantiated module". That
// is how a program ends which ends before its worker is up. `import()` has no such window.

const loaded = import('./index.js');

module.exports = {
  start: async (order: import('./protocol.js').StartOrder): Promise<void> => (await loaded).start(order),
};
