// Faults of a client's requests -> when an outage begins, and when it is over. Used by commands that send.
import { subscribe } from 'node:diagnostics_channel';
import type { Analytics, DiagnosticMessages } from '@offthread/sdk';

/**
 * @param begun is told of the first request of an outage that failed and is repeated.
 * @param over is told that events are delivered again.
 */
export function watchOutages(
  client: Analytics,
  begun: (fault: DiagnosticMessages['offthread:postponed']) => void,
  over: () => void = () => {},
): void {
  let isOut = false;
  subscribe('offthread:postponed', (message) => {
    const fault = message as DiagnosticMessages['offthread:postponed'];
    if (fault.analytics !== client || isOut) return;
    isOut = true;
    begun(fault);
  });
  subscribe('offthread:delivered', (message) => {
    const { analytics } = message as DiagnosticMessages['offthread:delivered'];
    if (analytics !== client || !isOut) return;
    isOut = false;
    over();
  });
}
