// Metrics of a client, read by the real prom-client and OpenTelemetry SDK.
import { readFileSync } from 'node:fs';
import { otelMetrics } from '@offthread/sdk/otel';
import { prometheusMetrics } from '@offthread/sdk/prometheus';
import { metrics as api } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { Gauge, Registry, register } from 'prom-client';
import { afterEach, describe, expect, test } from 'vitest';
import { withApi } from '../helpers/with-api.js';

const bench = withApi();

/** A client with one event delivered, one refused and one that needed a second attempt. */
async function busyClient() {
  const analytics = bench.open({ maxRetries: 3 });
  await bench.api.script([{ type: 'answer', status: 503 }]);
  analytics.track({ userId: 'user-1', event: 'Seen' });
  analytics.track({ userId: 'user-1', event: 'Large', properties: { x: 'x'.repeat(40_000) } });
  expect(await analytics.flushAsync(20_000)).toMatchObject({ status: 'ok' });
  return analytics;
}

describe('prometheusMetrics()', () => {
  afterEach(() => register.clear());

  test('shows what happened to the events', async () => {
    const registry = new Registry();
    const analytics = bench.open({ maxRetries: 3 });
    prometheusMetrics(analytics, { register: registry });
    await bench.api.script([{ type: 'answer', status: 503 }]);
    analytics.track({ userId: 'user-1', event: 'Seen' });
    analytics.track({ userId: 'user-1', event: 'Large', properties: { x: 'x'.repeat(40_000) } });
    expect(await analytics.flushAsync(20_000)).toMatchObject({ status: 'ok' });
    const text = await registry.metrics();
    const { bytes } = analytics.stats();
    for (const line of [
      'offthread_events_total{client="default",outcome="delivered",code=""} 1',
      'offthread_events_total{client="default",outcome="failed",code=""} 0',
      'offthread_events_total{client="default",outcome="refused",code="event_too_large"} 1',
      'offthread_events_accepted_total{client="default"} 1',
      'offthread_events_pending{client="default"} 0',
      'offthread_requests_total{client="default"} 2',
      'offthread_retries_total{client="default"} 1',
      `offthread_request_bytes_total{client="default"} ${bytes}`,
      'offthread_postponed_total{client="default",status="503"} 1',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    expect(text).not.toContain('offthread_spool_bytes{');
  });

  test('counts the same again when it is scraped again', async () => {
    const registry = new Registry();
    prometheusMetrics(await busyClient(), { register: registry });
    const first = await registry.metrics();
    expect(await registry.metrics()).toBe(first);
  });

  test('tells several clients of the global registry apart, and forgets one that is removed', async () => {
    const remove = prometheusMetrics(await busyClient(), { client: 'shop' });
    prometheusMetrics(bench.open(), { client: 'blog' });
    const both = await register.metrics();
    expect(both).toContain('offthread_requests_total{client="shop"} 2');
    expect(both).toContain('offthread_requests_total{client="blog"} 0');
    remove();
    const one = await register.metrics();
    expect(one).not.toContain('client="shop",outcome');
    expect(one).toContain('client="blog"');
  });

  test('registers its metrics again after the registry was cleared', async () => {
    const registry = new Registry();
    const remove = prometheusMetrics(await busyClient(), { register: registry });
    registry.clear();
    remove();
    await bench.api.reset();
    const analytics = bench.open({ maxRetries: 3 });
    prometheusMetrics(analytics, { register: registry });
    await bench.api.script([{ type: 'answer', status: 503 }]);
    analytics.track({ userId: 'user-1', event: 'Seen' });
    await analytics.flushAsync(20_000);
    const text = await registry.metrics();
    expect(text).toContain('offthread_events_accepted_total{client="default"} 1');
    expect(text).toContain('offthread_postponed_total{client="default",status="503"} 1');
  });

  test('throws each time if the registry has a metric of the same name', () => {
    const registry = new Registry();
    new Gauge({ name: 'offthread_requests_total', help: 'of somebody else', registers: [registry] });
    const analytics = bench.open();
    for (let n = 0; n < 2; n++)
      expect(() => prometheusMetrics(analytics, { register: registry })).toThrow('already been registered');
  });

  test('has every metric of the Grafana dashboard, and the dashboard all of them', async () => {
    const registry = new Registry();
    prometheusMetrics(bench.open(), { register: registry });
    const metrics = registry.getMetricsAsArray();
    const names = metrics.map(({ name }) => name);
    const file = new URL('../../docs/grafana-dashboard.json', import.meta.url);
    const dashboard = JSON.parse(readFileSync(file, 'utf8')) as {
      panels: { targets: { expr: string }[] }[];
    };
    const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const used = expressions.flatMap((expr) => expr.match(/offthread_\w+/g) ?? []);
    expect([...new Set(used)].sort()).toEqual(names.sort());

    // Each label is one of its metric, or `instance`, which Prometheus adds.
    const variable = /label_values\((\w+), (\w+)\)/.exec(readFileSync(file, 'utf8'))?.slice(1).join('{');
    for (const text of [...expressions, `${variable}=`]) {
      const metric = metrics.find(({ name }) => text.includes(`${name}{`));
      const grouped = /by \((.*?)\)/.exec(text)?.[1]?.split(', ') ?? [];
      const selected = [...text.matchAll(/[{,](\w+)(?:=|!~)/g)].map(([, label = '']) => label);
      expect(selected).toContain('client');
      // Not in the types of prom-client.
      const labels: string[] = ['instance', ...Object(metric).labelNames];
      expect(
        [...grouped, ...selected].filter((label) => !labels.includes(label)),
        text,
      ).toEqual([]);
    }
  });

  test('needs a client', () => {
    expect(() => Reflect.apply(prometheusMetrics, undefined, [{}])).toThrow(
      'prometheusMetrics() takes a client; got an object',
    );
  });
});

describe('otelMetrics()', () => {
  test('reports what happened to the events, with attributes, until it is stopped', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    api.setGlobalMeterProvider(provider);
    const analytics = bench.open({ maxRetries: 3 });
    const stop = otelMetrics(analytics, { attributes: { client: 'shop' } });
    await bench.api.script([{ type: 'answer', status: 503 }]);
    analytics.track({ userId: 'user-1', event: 'Seen' });
    analytics.track({ userId: 'user-1', event: 'Large', properties: { x: 'x'.repeat(40_000) } });
    expect(await analytics.flushAsync(20_000)).toMatchObject({ status: 'ok' });

    const report = async () => {
      exporter.reset();
      await provider.forceFlush();
      const reported = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
      return Object.fromEntries(
        reported.flatMap(({ metrics }) =>
          metrics.map(({ descriptor, dataPoints }) => [
            descriptor.name,
            dataPoints.map(({ attributes, value }) => ({ ...attributes, value })),
          ]),
        ),
      );
    };
    const client = 'shop';
    const { bytes } = analytics.stats();
    expect(await report()).toEqual({
      'offthread.events': [
        { client, outcome: 'delivered', value: 1 },
        { client, outcome: 'failed', value: 0 },
        { client, outcome: 'left', value: 0 },
        { client, outcome: 'refused', code: 'event_too_large', value: 1 },
      ],
      'offthread.events.accepted': [{ client, value: 1 }],
      'offthread.events.pending': [{ client, value: 0 }],
      'offthread.requests': [{ client, value: 2 }],
      'offthread.retries': [{ client, value: 1 }],
      'offthread.request.bytes': [{ client, value: bytes }],
      'offthread.postponed': [{ client, status: '503', value: 1 }],
    });
    stop();
    await bench.api.script([{ type: 'answer', status: 503 }]);
    analytics.track({ userId: 'user-1', event: 'Seen' });
    expect(await analytics.flushAsync(20_000)).toMatchObject({ status: 'ok' });
    expect((await report())['offthread.postponed']).toEqual([{ client, status: '503', value: 1 }]);
    await provider.shutdown();
    api.disable();
  });
});
