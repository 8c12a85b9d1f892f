// Metrics of clients for prom-client. Next: measures.ts.
import { Counter, Gauge, register as globalRegister, type Registry } from 'prom-client';
import type { Analytics } from '../analytics.js';
import { checkClient, INCIDENTS, MEASURES, type Measure, onIncident } from './measures.js';

export interface PrometheusOptions {
  /** Value of the label `client`, to tell several clients apart. Default: `'default'`. */
  readonly client?: string | undefined;
  /** Default: the global registry of prom-client. */
  readonly register?: Registry | undefined;
}

/** The clients of each registry, by the value of their label. A metric can be registered only once. */
const registered = new WeakMap<Registry, Map<string, Analytics>>();

/**
 * Registers the metrics of a client: `offthread_events_total`, `offthread_events_pending` and others. Most are read from
 * `stats()` when the registry is scraped. Returns a function that removes the client.
 *
 * @throws {ValidationError} `invalid_setting`, if it isn't a client.
 */
export function prometheusMetrics(
  analytics: Analytics,
  { client = 'default', register = globalRegister }: PrometheusOptions = {},
): () => void {
  checkClient('prometheusMetrics', analytics);
  const clients = clientsOf(register);
  clients.set(client, analytics);
  const stops = INCIDENTS.map((incident) => {
    return onIncident(incident, analytics, (labels) => {
      // Each time, because the registry may have been cleared.
      const counter = register.getSingleMetric(nameOf(incident.name, true));
      if (counter instanceof Counter) counter.inc({ client, ...labels });
    });
  });
  return () => {
    for (const stop of stops) stop();
    if (clients.get(client) === analytics) clients.delete(client);
  };
}

/** The clients of the registry, which gets its metrics with the first of them, and again after it was cleared. */
function clientsOf(register: Registry): Map<string, Analytics> {
  const known = registered.get(register);
  if (known !== undefined && INCIDENTS.every(({ name }) => register.getSingleMetric(nameOf(name, true))))
    return known;
  const clients = known ?? new Map<string, Analytics>();
  for (const measure of MEASURES) addMeasure(register, clients, measure);
  for (const { name, help, labels } of INCIDENTS) {
    new Counter({
      name: nameOf(name, true),
      help,
      labelNames: ['client', ...labels],
      registers: [register],
    });
  }
  // Only now, because a metric of the same name throws.
  registered.set(register, clients);
  return clients;
}

function addMeasure(register: Registry, clients: ReadonlyMap<string, Analytics>, measure: Measure): void {
  const { name, help, type, read } = measure;
  const settings = { help, labelNames: ['client', 'outcome', 'code'], registers: [register] };
  const values = (): [labels: Record<string, string>, value: number][] =>
    [...clients].flatMap(([client, analytics]) =>
      read(analytics.stats()).map(({ value, labels }): [Record<string, string>, number] => [
        { client, ...labels },
        value,
      ]),
    );
  if (type === 'level') {
    new Gauge({
      ...settings,
      name: nameOf(name, false),
      collect() {
        this.reset();
        for (const [labels, value] of values()) this.set(labels, value);
      },
    });
    return;
  }
  new Counter({
    ...settings,
    name: nameOf(name, true),
    collect() {
      this.reset();
      for (const [labels, value] of values()) this.inc(labels, value);
    },
  });
}

function nameOf(words: readonly string[], isSum: boolean): string {
  return ['offthread', ...words, ...(isSum ? ['total'] : [])].join('_');
}
