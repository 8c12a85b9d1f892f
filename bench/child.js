// A child process for one scenario and one subject, so that its heap is clean and its code isn't warmed up by others.
// run.js starts it with the two names and the settings; it sends the result of the scenario's `measure`.
import { subjectOf } from './subjects/index.js';

const [scenario, name, settings] = process.argv.slice(2);
const { measure } = await import(`./scenarios/${scenario}.js`);
const result = await measure(await subjectOf(name), JSON.parse(settings));
process.send(result, () => process.exit());
