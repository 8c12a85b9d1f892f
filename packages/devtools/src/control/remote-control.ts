// Calls the control routes of a server in another thread, process or program.
import { Agent, request } from 'node:http';
import type { ReceivedEvent } from '@offthread/tracking-api';
import type { Counts, RequestRecord } from '../api/request-record.js';
import type { Behaviour, Rule, ScriptItem } from '../faults/behaviour.js';

/** What `waitFor` waits for; at least one of the two. */
export interface Goal {
  /** Events received in all since the start or the last reset. */
  events?: number;
  /** Requests decided in all, likewise. */
  requests?: number;
  /** Milliseconds. Default 5,000. */
  timeoutMs?: number;
}

/** Longest time for a control request that does not wait, in ms. */
const CALL_TIMEOUT_MS = 30_000;

/** Talks to the control routes of a server in another thread, process or program. */
export class RemoteControl {
  /** Base URL of the control routes. */
  readonly controlUrl: string;

  constructor(controlUrl: string) {
    this.controlUrl = controlUrl;
  }

  /** Every request, oldest first. */
  requests(): Promise<RequestRecord[]> {
    return this.#pages<RequestRecord>('/requests');
  }

  /** Every event received, as often as it was received, in order of arrival. Rejects unless `record` is `all`. */
  events(): Promise<ReceivedEvent[]> {
    return this.#pages<ReceivedEvent>('/events');
  }

  /** Their messageIds. */
  messageIds(): Promise<string[]> {
    return this.#pages<string>('/message-ids');
  }

  /** The text of a request's body, uncompressed, as it was sent. Rejects when it was not kept. */
  body(sequence: number): Promise<string> {
    return this.#send('GET', `/requests/${sequence}/body`);
  }

  /** The counters. */
  counts(): Promise<Counts> {
    return this.#call<Counts>('GET', '/counts');
  }

  /** Adds behaviours for the next requests, one each, in order. Rejects when one is not well formed. */
  async script(items: ScriptItem[]): Promise<void> {
    await this.#call('POST', '/script', items);
  }

  /** Replaces the behaviour for requests that neither the script nor a rule covers. */
  async behave(behaviour: Behaviour): Promise<void> {
    await this.#call('POST', '/behave', behaviour);
  }

  /** Replaces the rules. The first that matches a request holds, before the standing behaviour, after the script. */
  async rules(rules: Rule[]): Promise<void> {
    await this.#call('POST', '/rules', rules);
  }

  /** Forgets records, counters and instructions, and resets the connections that were left hanging. */
  async reset(): Promise<void> {
    await this.#call('POST', '/reset');
  }

  /** The API goes down: connections end, new ones are refused. What was recorded stays. */
  async stop(): Promise<void> {
    await this.#call('POST', '/stop');
  }

  /** The API is up again, on the same port. */
  async start(): Promise<void> {
    await this.#call('POST', '/start');
  }

  /** Resolves with the counters once that much has arrived. Rejects, saying how much did, when it has not in time. */
  async waitFor({ events = 0, requests = 0, timeoutMs = 5_000 }: Goal): Promise<Counts> {
    const path = `/wait?events=${events}&requests=${requests}&timeoutMs=${timeoutMs}`;
    const answer = await this.#call<{ reached: boolean; counts: Counts }>('GET', path, undefined, timeoutMs);
    if (answer.reached) return answer.counts;
    const { counts } = answer;
    const wanted = [events > 0 ? `${events} events` : '', requests > 0 ? `${requests} requests` : ''];
    throw new Error(
      `waited ${timeoutMs} ms for ${wanted.filter(Boolean).join(' and ')}; arrived: ${counts.events} events in ` +
        `${counts.requests} requests (${counts.refused} refused), answered ${JSON.stringify(counts.statuses)}`,
    );
  }

  async #pages<Item>(path: string): Promise<Item[]> {
    const all: Item[] = [];
    let from: number | null = 1;
    while (from !== null) {
      const page: { items: Item[]; next: number | null } = await this.#call('GET', `${path}?from=${from}`);
      for (const item of page.items) all.push(item);
      from = page.next;
    }
    return all;
  }

  async #call<Result>(method: string, path: string, body?: unknown, waitMs = 0): Promise<Result> {
    return JSON.parse(await this.#send(method, path, body, waitMs)) as Result;
  }

  #send(method: string, path: string, body?: unknown, waitMs = 0): Promise<string> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = text === undefined ? {} : { 'content-type': 'application/json' };
    return new Promise((resolve, reject) => {
      // An agent of its own and no kept connection: nothing to hold the process open, nothing for mocks to catch.
      const options = { method, headers, agent: new Agent(), timeout: waitMs + CALL_TIMEOUT_MS };
      const sent = request(`${this.controlUrl}${path}`, options, (response) => {
        let reply = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          reply += piece;
        });
        response.once('error', reject);
        response.once('end', () => {
          if (response.statusCode === 200) resolve(reply);
          else reject(new Error(`${method} ${path}: ${messageIn(reply)}`));
        });
      });
      sent.once('timeout', () => sent.destroy(new Error(`no answer from ${this.controlUrl}${path}`)));
      sent.once('error', (cause: Error) => {
        reject(new Error(`the local Tracking API cannot be reached: ${cause.message}`, { cause }));
      });
      sent.end(text);
    });
  }
}

function messageIn(reply: string): string {
  try {
    return String((JSON.parse(reply) as { message?: unknown }).message);
  } catch {
    return reply;
  }
}
