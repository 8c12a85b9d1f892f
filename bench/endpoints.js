// The servers that subjects deliver to: the local Tracking API, and capture-api.js for the subject with another
// protocol. Each is a child process that replies after 20 ms unless a scenario says otherwise. Used by bench.js.
//
// Both stand for remote machines. They count events without parsing them, because parsing takes 20 µs an event, which
// on a machine with two CPUs would dominate the measurement. They run at the lowest CPU priority, except in a scenario
// that saturates the CPUs: there, replies would take twice as long, which no remote machine would cause.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { startTrackingApi } from '@offthread/devtools';

export const LATENCY_MS = 20;

export class Endpoints {
  #tracking;
  #capture;
  #captureUrl;

  /** `saturated`: the scenario uses all CPUs. */
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

  /** The settings that `create` of a subject needs. */
  get urls() {
    return { url: this.#tracking.url, captureUrl: this.#captureUrl };
  }

  /** Resets the counters and replies again. */
  async reset() {
    await this.#tracking.reset();
    await this.#askCapture('reset');
  }

  /** Stops replying until the next reset. */
  async hang() {
    await this.#tracking.behave({ type: 'hang' });
    await this.#askCapture('hang');
  }

  /** Events received since the last reset. */
  async received() {
    const { events } = await this.#tracking.counts();
    return events + (await this.#askCapture('count')).events;
  }

  /** Maximum number of simultaneous connections to the Tracking API since the last reset. */
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
