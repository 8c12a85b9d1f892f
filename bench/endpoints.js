// Where the subjects deliver to: the local Tracking API, and beside it capture-api.js for the one that speaks another
// language. Each in its own process, each answering after 20 ms unless a scenario says otherwise. Used by bench.js.
//
// Both stand for a machine elsewhere, so they count events without reading them, which takes 20 µs an event and on a
// machine of two CPUs would be the better part of what is measured. And they have the CPU that nobody else wants, except
// in a scenario that leaves none: there an answer would take twice its time, for a reason that no machine elsewhere has.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { startTrackingApi } from '@offthread/devtools';

export const LATENCY_MS = 20;

export class Endpoints {
  #tracking;
  #capture;
  #captureUrl;

  /** `saturated`: nothing of the CPUs is left over. */
  static async start({ saturated = false, latencyMs = LATENCY_MS } = {}) {
    const endpoints = new Endpoints();
    endpoints.#tracking = await startTrackingApi({ latencyMs, record: 'count', skim: true });
    endpoints.#capture = fork(new URL('capture-api.js', import.meta.url), [String(latencyMs)]);
    if (!saturated) {
      for (const { pid } of [endpoints.#tracking, endpoints.#capture])
        setPriority(pid, constants.priority.PRIORITY_LOW);
    }
    const [{ port }] = await once(endpoints.#capture, 'message');
    endpoints.#captureUrl = `http://127.0.0.1:${port}`;
    return endpoints;
  }

  /** What `create` of a subject needs to know. */
  get urls() {
    return { url: this.#tracking.url, captureUrl: this.#captureUrl };
  }

  /** Forgets what was received and answers again. */
  async reset() {
    await this.#tracking.reset();
    await this.#askCapture('reset');
  }

  /** From now on no request is answered, until the next reset. */
  async hang() {
    await this.#tracking.behave({ type: 'hang' });
    await this.#askCapture('hang');
  }

  /** Events received since the last reset. */
  async received() {
    const { events } = await this.#tracking.counts();
    return events + (await this.#askCapture('count')).events;
  }

  /** Most connections at one time since the last reset, to the Tracking API. */
  async connections() {
    return (await this.#tracking.counts()).maxConnections;
  }

  async stop() {
    await this.#tracking.close();
    this.#capture.disconnect();
  }

  async #askCapture(question) {
    this.#capture.send(question);
    const [answer] = await once(this.#capture, 'message');
    return answer;
  }
}
