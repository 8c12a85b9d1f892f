// The public API of the testing kit, without the matchers, which are in vitest.ts and jest.ts.
export { createTestAnalytics, type RecordedEvent, type TestAnalytics } from './test-analytics.js';
