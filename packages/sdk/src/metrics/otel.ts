// Metrics of clients for OpenTelemetry. Next: measures.ts.
import { type Attributes, type Meter, metrics } from '@opentelemetry/api';
import type { Analytics } from '../analytics.js';
import { version } from '../version.js';
import { checkClient, INCIDENTS, MEASURES, type Measure, onIncident } from './measures.js';

export interface OtelOptions {
  /** Default: a meter of the global provider. */
  readonly meter?: Meter | undefined;
  /** Attributes of all values, to tell several clients apart, for example `{ client: 'shop' }`. Default: none. */
  readonly attributes?: Attributes | undefined;
}

/**
 * Observes a client: `offthread.events`, `offthread.events.pending` and others. Most are read from `stats()` when the
 * SDK of OpenTelemetry collects. Set that up first. Returns a function that stops it.
 *
 * @throws {ValidationError} `invalid_setting`, if it isn't a client.
 */
export function otelMetrics(
  analytics: Analytics,
  { meter = metrics.getMeter('@offthread/sdk', version), attributes = {} }: OtelOptions = {},
): () => void {
  checkClient('otelMetrics', analytics);
  const stops = [
    ...MEASURES.map((measure) => observe(meter, measure, analytics, attributes)),
    ...INCIDENTS.map((incident) => {
      const counter = meter.createCounter(nameOf(incident.name), { description: incident.help });
      return onIncident(incident, analytics, (labels) => counter.add(1, { ...attributes, ...labels }));
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function observe(meter: Meter, measure: Measure, analytics: Analytics, attributes: Attributes): () => void {
  const { name, help, type, unit, read } = measure;
  const settings = { description: help, ...(unit === undefined ? {} : { unit }) };
  const instrument =
    type === 'sum'
      ? meter.createObservableCounter(nameOf(name), settings)
      : meter.createObservableUpDownCounter(nameOf(name), settings);
  const collect: Parameters<typeof instrument.addCallback>[0] = (result) => {
    for (const { value, labels } of read(analytics.stats())) {
      result.observe(value, { ...attributes, ...present(labels) });
    }
  };
  instrument.addCallback(collect);
  return () => instrument.removeCallback(collect);
}

/** Without empty labels, which Prometheus can't leave out. */
function present(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
}

function nameOf(words: readonly string[]): string {
  return ['offthread', ...words].join('.');
}
