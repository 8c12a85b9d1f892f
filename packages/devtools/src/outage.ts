// Notifies a command that sends events when an outage of the API starts and ends.
import { subscribe } from 'node:diagnostics_channel';
import type { Analytics, DiagnosticMessages } from '@offthread/sdk';

/**
 * @param begun is called with the first request of an outage that failed and will be repeated.
 * @param over is called when events are delivered again.
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
