// An event as a line of text, for `offthread listen --events`.
import type { ReceivedEvent } from '@offthread/tracking-api';
import { isObject } from '@offthread/tracking-api/event-rules';

/** Longest line, in characters. */
const WIDTH = 160;

/** Whether an event contains each of the words, anywhere, in upper or lower case. */
export function hasWords(event: ReceivedEvent, words: string): boolean {
  const text = JSON.stringify(event).toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** Time, type, name, user, and the start of the properties or traits. */
export function eventLine(event: ReceivedEvent, receivedAt: string): string {
  const { type, event: name, groupId, previousId, userId, anonymousId, category, name: page } = event;
  const called = [name ?? groupId ?? previousId ?? category, name === undefined ? page : undefined];
  const details = type === 'identify' || type === 'group' ? event.traits : event.properties;
  const columns = [
    receivedAt.slice(11, 23),
    type.padEnd(8),
    called
      .filter((each) => each !== undefined && each !== null)
      .join(' ')
      .padEnd(24),
    String(userId ?? anonymousId ?? '').padEnd(16),
    isObject(details) && Object.keys(details).length > 0 ? JSON.stringify(details) : '',
  ];
  const line = columns.join('  ').trimEnd();
  return line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line;
}
