// Decides which partition an event goes to. All relays of a fleet must decide alike. Pure.
import { crc32 } from 'node:zlib';
import type { ReceivedEvent } from '@offthread/tracking-api';
import type { PartitionedEvents } from '../engine/engine.js';

/** Returns the partition of an event. The events of a user are in one partition, and so keep their order. */
function partitionOf(event: ReceivedEvent | null, partitions: number): number {
  const id = event?.userId ?? event?.anonymousId;
  if (partitions === 1 || (typeof id !== 'string' && typeof id !== 'number')) return 0;
  return crc32(String(id)) % partitions;
}

/** Groups the events of a request by partition, in order. `texts` and `events` have the same length. */
export function byPartition(
  texts: readonly string[],
  events: readonly (ReceivedEvent | null)[],
  partitions: number,
): PartitionedEvents[] {
  const groups = new Map<number, string[]>();
  for (const [index, text] of texts.entries()) {
    const partition = partitionOf(events[index] ?? null, partitions);
    const group = groups.get(partition);
    if (group === undefined) groups.set(partition, [text]);
    else group.push(text);
  }
  return [...groups].map(([partition, texts]) => ({ partition, texts }));
}
