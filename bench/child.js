// A process of its own for one scenario and one subject: a clean heap, code not warmed up by anybody else. Started by
// run.js with the two names and the settings; sends what the scenario's `measure` gives.
import { subjectOf } from './subjects/index.js';

const [scenario, name, settings] = process.argv.slice(2);
const { measure } = await import(`./scenarios/${scenario}.js`);
const result = await measure(await subjectOf(name), JSON.parse(settings));
process.send(result, () => process.exit());
