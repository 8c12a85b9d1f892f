// Connections through a link that forgets idle ones, such as a NAT or a firewall: see MAX_IDLE_MS.
import { setTimeout as delay } from 'node:timers/promises';
import { startTrackingApi } from '@offthread/devtools';
import { MAX_IDLE_MS } from '@offthread/worker/http/connections';
import { describe, expect, test } from 'vitest';
import { startLink } from '../helpers/middlebox.js';
import { Trial } from '../helpers/trial.js';

describe.concurrent('a link that silently forgets idle connections', () => {
  test('makes no flush wait for a reply that never comes', async () => {
    await using api = await startTrackingApi();
    await using link = await startLink(api.port, { idleMs: MAX_IDLE_MS });
    await using trial = new Trial({ host: `http://127.0.0.1:${link.port}` });
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject({ status: 'ok', delivered: 1 });
    await delay(MAX_IDLE_MS + 500);
    trial.track();
    // On the connection that the link has forgotten, it would wait for requestTimeout and try again.
    expect(await trial.flushAsync(20_000)).toMatchObject({ status: 'ok', delivered: 1 });
    expect((await link.look()).seen).toHaveLength(2);
    expect(trial.analytics.stats()).toMatchObject({ requests: 2, retries: 0 });
    await trial.balance(api);
  });

  test('carries steady traffic on one connection', async () => {
    await using api = await startTrackingApi();
    await using link = await startLink(api.port, { idleMs: MAX_IDLE_MS });
    await using trial = new Trial({ host: `http://127.0.0.1:${link.port}` });
    for (const pause of [0, 200, 200, 1_000, 1_500, 2_500]) {
      await delay(pause);
      trial.track();
      expect(await trial.flushAsync(20_000)).toMatchObject({ status: 'ok', delivered: 1 });
    }
    expect((await link.look()).seen).toHaveLength(1);
    expect((await api.counts()).requests).toBe(6);
    await trial.balance(api);
  });
});
