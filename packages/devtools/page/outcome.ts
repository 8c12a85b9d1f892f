// The outcome of a request as a word, and its colour.
import type { EventRow, RequestRow } from './row.js';

/** The status, or the behaviour if there was no status. */
export function outcomeOf({ status, behaviour, state }: RequestRow): string {
  if (state === 'open' && (behaviour === 'ok' || status === null)) return '…';
  if (state === 'abandoned') return 'client left';
  return status === null ? (behaviour === 'drop' ? 'dropped' : behaviour) : String(status);
}

export function toneOf({ state, accepted }: RequestRow): 'open' | 'good' | 'bad' {
  if (!accepted || state === 'abandoned') return 'bad';
  return state === 'open' ? 'open' : 'good';
}

/** Like `toneOf`, for one event: if the request was refused because of another event, this one isn't marked. */
export function eventToneOf({ fault, request }: EventRow): 'open' | 'good' | 'bad' {
  if (fault !== null) return 'bad';
  return isRefusedForOne(request) ? 'open' : toneOf(request);
}

/** Whether a request was refused because of faults in some of its events. */
export function isRefusedForOne({ refusal, faults }: RequestRow): boolean {
  return refusal !== null && faults.some(({ index, message }) => index !== null && refusal.endsWith(message));
}

/** Why a request wasn't accepted; `null` if it was. */
export function reasonOf({ refusal, accepted, status, behaviour }: RequestRow): string | null {
  if (refusal !== null) return refusal;
  if (accepted) return null;
  return status === null ? `set to misbehave: ${behaviour}` : `set to answer ${status}`;
}
