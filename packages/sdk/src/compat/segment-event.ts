// The events of the drop-in: made from the parameters of a method, and turned into those of the native client. Used by
// analytics-node.ts.
import { randomUUID } from 'node:crypto';
import type { AnyEvent, CommonFields, EventType } from '../event/event.js';
import { fieldsOf } from '../event/event-fields.js';
import type { Ids } from '../event/methods.js';
import type { SegmentEvent } from './event-params.js';

/** What the events of all types have. */
export function common(type: EventType, params: CommonFields & Ids): SegmentEvent {
  const { userId, anonymousId, context, integrations, timestamp, messageId } = params;
  return {
    type,
    messageId: messageId ?? `node-next-${Date.now()}-${randomUUID()}`,
    timestamp: timestamp ?? new Date(),
    userId: userId ?? undefined,
    anonymousId: anonymousId ?? undefined,
    integrations: Object(integrations ?? {}),
    context: Object(context ?? {}),
  };
}

/** The name and the category of a page or screen, as far as it has them. */
export function named(
  name: string | null | undefined,
  category: string | null | undefined,
): Partial<SegmentEvent> {
  return { ...(name == null ? {} : { name }), ...(category == null ? {} : { category }) };
}

/** The event as the native client takes it. What plugins add beside the fields of its type is left out. */
export function nativeEvent(event: SegmentEvent): AnyEvent {
  const { type } = event;
  const fields: Record<string, unknown> = {};
  for (const name of fieldsOf(type)) {
    const value = event[name];
    // Without a name, the API takes the category of a page from the properties only.
    if (value == null || (name === 'category' && type === 'page' && event.name == null)) continue;
    fields[name] = value;
  }
  return fields;
}
