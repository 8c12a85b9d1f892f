// The matchers with their types for Jest, for the globals of @types/jest and for @jest/globals.
import type {} from 'expect';
import type { AnalyticsMatchers } from './matchers.js';

export { matchers } from './matchers.js';

declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends AnalyticsMatchers<R> {}
}

declare global {
  namespace jest {
    // biome-ignore lint/complexity/noBannedTypes: must match the declaration in @types/jest.
    interface Matchers<R, T = {}> extends AnalyticsMatchers<R> {}
  }
}
