// All that is public of the test kit; matchers are in vitest.ts and jest.ts.
export { createTestAnalytics, type RecordedEvent, type TestAnalytics } from './test-analytics.js';
