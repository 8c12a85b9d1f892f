// The matchers with their types for Vitest.
import type {} from 'vitest';
import type { AnalyticsMatchers } from './matchers.js';

export { matchers } from './matchers.js';

declare global {
  namespace Chai {
    // Not Vitest's `Matchers`, because an augmentation must repeat its type parameters: one up to Vitest 4, two from
    // Vitest 5 on. In all versions, Vitest's assertions extend this interface.
    interface Assertion extends AnalyticsMatchers {}
  }
}
