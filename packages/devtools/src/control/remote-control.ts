// Calls the control routes of a server in another thread, process or program.
import { Agent, request } from 'node:http';
import type { ReceivedEvent } from '@offthread/tracking-api';
import type { Counts, RequestRecord } from '../api/request-record.js';
import type { Behaviour, Rule, ScriptItem } from '../faults/behaviour.js';

/** What `waitFor` waits for. Give at least one of the two numbers. */
export interface Goal {
  /** Events received in all since the start or the last reset. */
  events?: number;
  /** Requests recorded in all, since then. */
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

  /**
   * Every event received, in order of arrival. One that came twice is there twice. Rejects unless `record` is `all`.
   */
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

  /** Adds behaviours for the next requests, one for each, in order. Rejects if one is malformed. */
  async script(items: ScriptItem[]): Promise<void> {
    await this.#call('POST', '/script', items);
  }

  /** Replaces the behaviour for requests that neither the script nor a rule covers. */
  async behave(behaviour: Behaviour): Promise<void> {
    await this.#call('POST', '/behave', behaviour);
  }

  /** Replaces the rules. The script comes before them. The first rule that matches decides. */
  async rules(rules: Rule[]): Promise<void> {
    await this.#call('POST', '/rules', rules);
  }

  /** Deletes records, counters and behaviours, and resets connections that wait for a reply that never comes. */
  async reset(): Promise<void> {
    await this.#call('POST', '/reset');
  }

  /** Takes the API down: closes connections and refuses new ones. Keeps what was recorded. */
  async stop(): Promise<void> {
    await this.#call('POST', '/stop');
  }

  /** Brings the API up again, on the same port. */
  async start(): Promise<void> {
    await this.#call('POST', '/start');
  }

  /**
   * Resolves with the counters when that many have arrived. Rejects after the timeout, with the number that did arrive.
   */
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
      // A new agent for each call: no kept connection keeps the process alive, and mocks of the global agent don't
      // apply.
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
