// A name -> the subject: `title`, `load()`, and `create(loaded, settings)`, which gives `track(event)`, `close()`, and
// `sent()`, which resolves when all that was tracked has been sent.
export const NAMES = ['none', 'json', 'offthread', 'segment', 'posthog', 'rudder'];

/** Imports the file of one subject and nothing of the others. */
export function subjectOf(name) {
  return import(`./${name}.js`);
}
