// One request on the live page: what it was, what it was answered, and how to send it again.
import { execFile } from 'node:child_process';
import { startTrackingApi } from '@offthread/devtools';
import { describe, expect, test, vi } from 'vitest';
import { rows, textOf, withLivePage } from '../helpers/live-page.js';
import { batchOf, post, trackEvent } from '../helpers/raw-client.js';

// A browser on a busy machine takes its time; each wait inside has a bound of its own.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const bench = withLivePage();
const soon = { timeout: 10_000, interval: 50 };

/** Runs a command in a shell as if it were typed there: as an argument it could be too long. */
function run(command: string, env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const shell = execFile('bash', ['-s'], { env, timeout: 10_000 }, (error) =>
      error ? reject(error) : resolve(),
    );
    shell.stdin?.end(command);
  });
}

/** Opens the newest request. */
async function openNewest(): Promise<void> {
  await bench.page.getByRole('tab', { name: /Requests [1-9]/ }).click();
  await rows(bench.page).first().click();
  await bench.page.getByRole('region', { name: 'Headers' }).waitFor();
}

function section(name: string): Promise<string> {
  return textOf(bench.page.getByRole('region', { name, exact: true }));
}

async function copyAsCurl(): Promise<string> {
  await bench.page.getByRole('button', { name: /^(Copy as curl|Copied)$/ }).click();
  await bench.page.getByRole('button', { name: 'Copied' }).waitFor();
  return bench.page.evaluate('navigator.clipboard.readText()');
}

describe('a request', () => {
  test('shows its headers, its body and its reply', async () => {
    const body = `{"batch":[${JSON.stringify(trackEvent({ event: 'Shown Whole' }))}], "sentAt":"2026-01-01T00:00:00Z"}`;
    await post(bench.api.url, body, { gzip: true, headers: { 'x-request-source': 'checkout' } });
    await openNewest();
    const headers = await section('Headers');
    expect(headers).toContain('content-encodinggzip');
    expect(headers).toContain('x-request-sourcecheckout');
    expect(await section('Body')).toContain(body);
    const reply = await section('Reply');
    expect(reply).toContain('200');
    expect(reply).toContain('content-typeapplication/json');
    expect(reply).toContain('{"success":true}');
  });

  test('that was refused, or got no reply, says so', async () => {
    await post(bench.api.url, 'not json');
    await openNewest();
    expect(await section('Body')).toContain('not json');
    expect(await section('Reply')).toMatch(/400.*not valid JSON/s);
    await bench.page.keyboard.press('Escape');
    await bench.api.behave({ type: 'drop', after: 'body' });
    await post(bench.api.url, batchOf(1)).catch(() => {});
    await expect.poll(() => rows(bench.page).count(), soon).toBe(2);
    await openNewest();
    await expect.poll(() => section('Reply'), soon).toContain('No reply');
  });

  test('shows its reply when it arrives, even if the request was opened before', async () => {
    await bench.api.behave({ type: 'ok', delayMs: 2_000 });
    const reply = post(bench.api.url, batchOf(1));
    await openNewest();
    expect(await section('Reply')).toContain('Not yet');
    await reply;
    await expect.poll(() => section('Reply'), soon).toContain('{"success":true}');
  });

  test('is shown, copied and sent again with its query, in which keys are masked', async () => {
    const query = '?from=a%20page&write_key=SECRET-KEY&token';
    await post(bench.api.url, batchOf(1), { path: `/v1/b${query}` });
    await openNewest();
    const heading = bench.page.getByRole('complementary').getByRole('heading', { level: 2 });
    await expect.poll(() => textOf(heading), soon).toContain('/v1/b?from=a%20page&write_key=••••&token');
    const curl = await copyAsCurl();
    expect(curl).toContain(`'${bench.api.url}/v1/b?from=a%20page&write_key='"$WRITE_KEY"'&token'`);
    expect((await bench.page.content()) + curl).not.toContain('SECRET');
    await bench.page.getByRole('button', { name: 'Send again' }).click();
    await bench.page.getByRole('tab', { name: 'Requests 2' }).waitFor();
    const [one, two] = await Promise.all(
      [1, 2].map(async (n) => {
        const reply = await fetch(`${bench.api.url}/_offthread/page/requests/${n}`);
        return ((await reply.json()) as { query: string[] }).query;
      }),
    );
    expect(one).toEqual(['?from=a%20page&write_key=', '&token']);
    expect(two).toEqual(one);
  });

  test('shows no body that was not kept', async () => {
    await bench.api.script([{ type: 'drop', after: 'headers' }]);
    await post(bench.api.url, batchOf(1)).catch(() => {});
    await openNewest();
    expect(await section('Body')).toContain('Not kept');
    expect(await bench.page.getByRole('button', { name: 'Send again' }).isDisabled()).toBe(true);
  });
});

describe('a write key', () => {
  const key = 'SECRET-WRITE-KEY';
  const encoded = Buffer.from(`${key}:`).toString('base64');

  /** Everything the page was given and shows. */
  async function seen(): Promise<string> {
    const html = await bench.page.content();
    const reply = await fetch(`${bench.api.url}/_offthread/page/requests/1`);
    expect(reply.status).toBe(200);
    return html + (await reply.text());
  }

  test('in Basic auth or in a header is neither shown nor copied', async () => {
    const headers = { cookie: 'session=SECRET-COOKIE', 'x-write-key': key, 'x-api-key': 'SECRET-API' };
    await post(bench.api.url, batchOf(1), { writeKey: key, headers });
    await openNewest();
    expect(await section('Headers')).toMatch(/authorizationBasic •+/);
    const curl = await copyAsCurl();
    const text = (await seen()) + curl;
    expect(text).not.toContain('SECRET');
    expect(text).not.toContain(encoded);
    expect(curl).toContain('-u "$WRITE_KEY:"');
  });

  test('in the body is neither shown nor copied, in a batch or in an event', async () => {
    const auth = { writeKey: null, headers: { authorization: 'Bearer SECRET-TOKEN' } };
    await post(bench.api.url, { ...batchOf(1), writeKey: key }, auth);
    await post(
      bench.api.url,
      { ...trackEvent({ event: 'Single One' }), writeKey: key },
      { ...auth, path: '/v1/track' },
    );
    await bench.page.getByText('Single One').click();
    expect(await seen()).not.toContain('SECRET');
    await bench.page.getByRole('button', { name: 'Copy as JSON' }).click();
    await bench.page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await bench.page.evaluate('navigator.clipboard.readText()')).not.toContain('SECRET');
    await openNewest();
    expect(await section('Body')).toContain('"writeKey":"••••"');
    const curl = await copyAsCurl();
    expect((await seen()) + curl).not.toContain('SECRET');
    expect(curl).toContain('$WRITE_KEY');
    expect(curl).toContain('Bearer $ACCESS_TOKEN');
  });
});

describe('copied as curl', () => {
  /** Runs a copied command in a shell, against a server of its own, and gives the body that arrived there. */
  async function runCopied(): Promise<{
    text: string;
    writeKey: string | null;
    path: string;
    method: string;
  }> {
    const command = await copyAsCurl();
    await using other = await startTrackingApi();
    const env = { ...process.env, WRITE_KEY: 'another-key', ACCESS_TOKEN: 'a-token' };
    await run(command.replace(bench.api.url, other.url), env);
    const [record] = await other.requests();
    if (record === undefined) throw new Error('nothing arrived');
    const { sequence, writeKey, path, method } = record;
    return { text: await other.body(sequence), writeKey, path, method };
  }

  test('a request is sent again by a shell, byte by byte', async () => {
    const body = `{"batch":[{"type":"track","userId":"u","event":"It's $HOME \`id\` \\\\ \\"!\\"","messageId":"m","properties":{"n":39.90,"é":"🎈\\n%s"}}]}`;
    await post(bench.api.url, body, { gzip: true, headers: { 'x-odd': `it's "$HOME"` } });
    await openNewest();
    const got = await runCopied();
    expect(got).toEqual({ text: body, writeKey: 'another-key', path: '/v1/batch', method: 'POST' });
  });

  test('a body over the size limit of an argument is sent too', async () => {
    const body = JSON.stringify({
      batch: Array.from({ length: 20 }, () => trackEvent({ filler: 'é\'"'.repeat(4_000) })),
    });
    expect(body.length).toBeGreaterThan(200_000);
    await post(bench.api.url, body);
    await openNewest();
    expect((await runCopied()).text).toBe(body);
  });

  test('a body that starts with @ is not taken as the name of a file', async () => {
    await post(bench.api.url, '@/etc/hostname');
    await openNewest();
    expect((await runCopied()).text).toBe('@/etc/hostname');
  });

  test('nothing in a body or header can end the command or control the terminal', async () => {
    const body = `not json '; touch /tmp/offthread-hacked; ' \u001b[201~\u202e $(id)\r\n`;
    await post(bench.api.url, body);
    await openNewest();
    const command = await copyAsCurl();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for.
    expect(command).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect((await runCopied()).text).toBe(body);
  });

  test('an event with its key in the body takes the key from the environment', async () => {
    await post(
      bench.api.url,
      { ...trackEvent({ event: 'Single One' }), writeKey: 'body-key' },
      { writeKey: null, headers: { authorization: 'Bearer t0ken' }, path: '/v1/track' },
    );
    await openNewest();
    const { text, writeKey } = await runCopied();
    expect(JSON.parse(text)).toMatchObject({ event: 'Single One', writeKey: 'another-key' });
    expect(writeKey).toBe('another-key');
  });
});

describe('sent again', () => {
  test('a request arrives once more, with the same key and the same bytes', async () => {
    const body = `{"batch":[${JSON.stringify(trackEvent({ event: 'Once More' }))}], "sentAt":"2026-01-01T00:00:00Z"}`;
    await post(bench.api.url, body, { gzip: true, writeKey: 'kept-key', headers: { 'x-odd': 'yes' } });
    await openNewest();
    await bench.page.getByRole('button', { name: 'Send again' }).click();
    await bench.page.getByRole('tab', { name: 'Requests 2' }).waitFor();
    const [first, second] = await bench.api.requests();
    expect(second).toMatchObject({ writeKey: 'kept-key', status: 200, path: '/v1/batch', eventCount: 1 });
    expect(second?.headers['x-odd']).toBe('yes');
    expect(await bench.api.body(2)).toBe(body);
    expect(second?.connection).not.toBe(first?.connection);
    // It is the same event once more, and the page says so.
    await bench.page.getByRole('tab', { name: 'Events' }).click();
    await expect.poll(() => textOf(rows(bench.page).first()), soon).toContain('Duplicate');
  });

  test('a request is answered as the API answers now', async () => {
    await bench.api.script([{ type: 'answer', status: 500 }]);
    await post(bench.api.url, batchOf(2));
    await openNewest();
    await bench.page.getByRole('button', { name: 'Send again' }).click();
    await bench.page.getByRole('tab', { name: 'Requests 2' }).waitFor();
    await expect
      .poll(async () => (await bench.api.requests()).map(({ status }) => status), soon)
      .toEqual([500, 200]);
    await bench.api.behave({ type: 'hang' });
    await bench.page.getByRole('button', { name: 'Send again' }).click();
    await bench.page.getByRole('tab', { name: 'Requests 3' }).waitFor();
  });
});

test('a web page of another origin can neither read a request nor send it again', async () => {
  const { api } = bench;
  await post(api.url, batchOf(1));
  const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
  const url = `${api.url}/_offthread/page/requests/1`;
  expect((await fetch(url, { headers })).status).toBe(403);
  expect((await fetch(`${url}/again`, { method: 'POST', headers })).status).toBe(403);
  expect((await fetch(`${api.url}/_offthread/page/requests/7`)).status).toBe(404);
  expect((await fetch(`${api.url}/_offthread/page/requests/7/again`, { method: 'POST' })).status).toBe(404);
  expect((await api.counts()).requests).toBe(1);
});
