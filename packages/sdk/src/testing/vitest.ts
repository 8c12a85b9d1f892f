// The matchers, and their types for Vitest from 3.2 on. In: matchers.ts. Out: `expect.extend(matchers)`, typed.
import type {} from 'vitest';
import type { AnalyticsMatchers } from './matchers.js';

export { matchers } from './matchers.js';

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: must be declared as Vitest does it.
  interface Matchers<T = any> extends AnalyticsMatchers {}
}
