// For `npm run coverage`: Vitest kills its workers by a signal, which would lose their coverage.
import { takeCoverage } from 'node:v8';
import { afterAll } from 'vitest';

afterAll(() => takeCoverage());
