// The public exports of @offthread/tracking-api.
export { type DecodedBody, decodeBody, type ReadBounds, readBody, type WireBody } from './body.js';
export { type AllowedOrigins, corsHeaders, isPreflight, requestedMethod } from './cors.js';
export * from './event-rules.js';
export { eventTexts } from './event-texts.js';
export { type Members, readMembers, writeMembers } from './json-members.js';
export { type ParsedBody, parseBody } from './parse-body.js';
export { projectSettings } from './project-settings.js';
export { describe, type Receipt, type ReceiveOptions, receive, type TrackingRequest } from './receive.js';
export { notFound, type Refusal, type RefusalCode, type Reply, replyTo, unavailable } from './refusal.js';
export { BATCH_PATHS, type EventRoute, type Route, routeOf, takesEvents } from './route.js';
export { authorize, type KnownWriteKeys, writeKeyOf } from './write-key.js';
