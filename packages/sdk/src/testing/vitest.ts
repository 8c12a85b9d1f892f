// The matchers, and their types for Vitest. In: matchers.ts. Out: `expect.extend(matchers)`, typed.
import type {} from 'vitest';
import type { AnalyticsMatchers } from './matchers.js';

export { matchers } from './matchers.js';

declare global {
  namespace Chai {
    // Not Vitest's own `Matchers`: it has one type parameter up to Vitest 4 and two from 5 on, and a declaration has to
    // repeat them. Vitest makes its assertions of this interface, in all versions.
    interface Assertion extends AnalyticsMatchers {}
  }
}
