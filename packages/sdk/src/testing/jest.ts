// The matchers, and their types for Jest: its globals by @types/jest, and @jest/globals. In: matchers.ts.
// Out: `expect.extend(matchers)`, typed.
import type {} from 'expect';
import type { AnalyticsMatchers } from './matchers.js';

export { matchers } from './matchers.js';

declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends AnalyticsMatchers<R> {}
}

declare global {
  namespace jest {
    // biome-ignore lint/complexity/noBannedTypes: must be declared as @types/jest does it.
    interface Matchers<R, T = {}> extends AnalyticsMatchers<R> {}
  }
}
