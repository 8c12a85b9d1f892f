// Loads a subject by name. A subject has `title`, `load()`, and `create(loaded, settings)`, which returns
// `track(event)`, `close()`, and `sent()`, which resolves when all tracked events have been sent.
export const NAMES = ['none', 'json', 'offthread', 'segment', 'posthog', 'rudder'];

/** Imports the file of this subject only. */
export function subjectOf(name) {
  return import(`./${name}.js`);
}
