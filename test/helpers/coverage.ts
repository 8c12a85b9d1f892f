// For `npm run coverage`: Vitest ends its workers by a signal, and what they have covered would be lost.
import { takeCoverage } from 'node:v8';
import { afterAll } from 'vitest';

afterAll(() => takeCoverage());
