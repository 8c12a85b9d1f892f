// Creates events that have an exact number of bytes as sent.
import { type TrackEvent, version } from '@offthread/sdk';
import { expect } from 'vitest';

const LIBRARY = { name: '@offthread/sdk', version };

let made = 0;

/** Returns a track event of that many bytes of UTF-8 as sent, filled with `character`. */
export function eventOfBytes(bytes: number, character = 'x'): TrackEvent & { readonly messageId: string } {
  made += 1;
  const event = {
    userId: 'u',
    event: 'e',
    messageId: `exact-${String(made).padStart(6, '0')}`,
    timestamp: '2026-11-24T12:00:00.000Z',
    properties: { filler: '' },
  };
  // As JSON, where a quote takes two bytes.
  const size = Buffer.byteLength(JSON.stringify(character)) - 2;
  const room = bytes - bytesAsSent(event);
  event.properties.filler = character.repeat(Math.floor(room / size)) + 'x'.repeat(room % size);
  expect(bytesAsSent(event)).toBe(bytes);
  return event;
}

function bytesAsSent(event: object): number {
  return Buffer.byteLength(JSON.stringify({ type: 'track', context: { library: LIBRARY }, ...event }));
}
