// The HTTP server of the local Tracking API. It can stop and start again on the same port.
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import { BehaviourPlan } from '../faults/behaviour-plan.js';
import { OpenConnections } from './open-connections.js';
import { type Settings, settingsFrom, type TrackingApiOptions } from './options.js';
import { Recorder } from './recorder.js';
import type { Counts } from './request-record.js';
import { trackingRoutes } from './tracking-routes.js';

/** Adds routes to the server. They are added before the routes for events, which match every path. */
export type Routes = (app: FastifyInstance, api: TrackingApiServer) => void;

/** The local Tracking API on the current thread. Created by `createTrackingApi`. */
export class TrackingApiServer {
  readonly settings: Settings;
  readonly behaviours = new BehaviourPlan();
  readonly recorder: Recorder;
  #connections = new OpenConnections();
  #server: Server;
  #app: FastifyInstance;
  #port: number;

  constructor(options: TrackingApiOptions, routes: readonly Routes[]) {
    const settings = settingsFrom(options);
    this.settings = settings;
    this.recorder = new Recorder(settings);
    this.#port = settings.port;
    let server: Server | undefined;
    this.#app = fastify({
      // Fastify's own server can listen only once, but this one stops and starts again.
      serverFactory: (handler) => {
        server = settings.tls === null ? createServer(handler) : createTlsServer(settings.tls, handler);
        return server;
      },
    });
    if (server === undefined) throw new Error('Fastify created no server');
    this.#server = server;
    server.requestTimeout = 0; // The client has to notice a stalled upload, not the server.
    server.keepAliveTimeout = 72_000;
    server.on('connection', (socket) => this.#connections.connect(socket));
    const { behaviours, recorder } = this;
    const connections = this.#connections;
    this.#app.setErrorHandler((error, _request, reply) => {
      const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
      return reply
        .code(status)
        .send({ success: false, message: error instanceof Error ? error.message : 'error' });
    });
    for (const add of routes) this.#app.register(async (scope) => add(scope, this));
    this.#app.register(async (scope) =>
      trackingRoutes(scope, { settings, behaviours, recorder, connections }),
    );
  }

  /** The port; the same after `stop()` and `start()`. 0 before the first start. */
  get port(): number {
    return this.#port;
  }

  /** The base URL, without a trailing slash. */
  get url(): string {
    const { host, tls } = this.settings;
    const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
    return `${tls === null ? 'http' : 'https'}://${name}:${this.#port}`;
  }

  /** Starts to listen, unless it already does. Rejects if the port is taken. */
  async start(): Promise<void> {
    if (this.#server.listening) return;
    await this.#app.ready();
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port: this.#port, host: this.settings.host }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Stops listening and ends every connection, like an API that is down. Keeps what was recorded. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#connections.endAll();
    await closed;
  }

  /** Stops for good. Idempotent. */
  async close(): Promise<void> {
    await this.stop();
    await this.#app.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Forgets records and behaviours, and ends the connections that would never get a reply. */
  reset(): void {
    this.behaviours.reset();
    this.recorder.reset();
    this.#connections.resetHeld();
    this.#connections.resetMaxima();
  }

  /** The counters. */
  counts(): Counts {
    return { ...this.recorder.counts(), ...this.#connections.counts() };
  }
}
