// @segment/analytics-node with 500 events per request, like Offthread in this bench.
import * as segment from './segment.js';

export const title = 'analytics-node, flushAt 500';

export const { load } = segment;

export function create(module, settings) {
  return segment.create(module, { ...settings, flushAt: 500 });
}
