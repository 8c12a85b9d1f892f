// The types of event, for import/. The rules are in @offthread/tracking-api.
export { EVENT_TYPES, isObject } from '@offthread/tracking-api/event-rules';
