// The write key: required, sent as the user name of Basic auth, and never shown.
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { refusedWith, settings, WRITE_KEY } from '../helpers/settings.js';
import { construct, refusal } from '../helpers/untyped.js';
import { flushed, withApi } from '../helpers/with-api.js';

const bench = withApi();

test.each([
  [undefined, 'undefined'],
  [null, 'null'],
  ['', 'an empty string'],
  [' \n', 'an empty string'],
  [5_318_008, 'a number'],
  [5_318_008n, 'a bigint'],
  [Symbol(WRITE_KEY), 'a symbol'],
  [true, 'true'],
  [[WRITE_KEY], 'an array'],
  [{ WRITE_KEY }, 'an object'],
])('%s instead of a write key is refused', (writeKey, shown) => {
  expect(refusedWith({ writeKey })).toBe(
    `Setting 'writeKey' must be the write key of your source, a non-empty string; got ${shown}`,
  );
});

test('the write key is sent as the user name of Basic auth, with an empty password, whatever characters it has', async () => {
  const analytics = bench.open({ writeKey: 'Schlüssel-½' });
  analytics.track({ userId: 'u', event: 'e' });
  flushed(analytics);
  const [request] = await bench.api.requests();
  const encoded = Buffer.from('Schlüssel-½:').toString('base64');
  expect(request?.headers['authorization']).toBe(`Basic ${encoded}`);
  expect(request?.writeKey).toBe('Schlüssel-½');
});

test('the write key is in no error about settings', () => {
  const wrong = [
    WRITE_KEY,
    [WRITE_KEY],
    settings({ batchSize: 0 }),
    settings({ nonsense: WRITE_KEY }),
    settings({ host: `https://${WRITE_KEY}:@api.segment.io` }),
    settings({ host: `https://:${WRITE_KEY}@api.segment.io` }),
    settings({ host: `http://${WRITE_KEY}@example.com` }),
    settings({ host: `ftp://${WRITE_KEY}@example.com` }),
    settings({ host: `https://api.segment.io?writeKey=${WRITE_KEY}` }),
    { writeKey: [WRITE_KEY] },
    { writeKey: { WRITE_KEY } },
  ];
  for (const given of wrong) {
    const error = refusal(() => construct(given));
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(WRITE_KEY);
  }
});

test('the write key is in no output of a client and in no error, even if the API repeats it', async () => {
  const encoded = Buffer.from(`${WRITE_KEY}:`).toString('base64');
  await bench.api.script([
    { type: 'answer', status: 403, body: `no such key: ${WRITE_KEY}, ${encoded}` },
    { type: 'redirect', location: `https://example.com/${WRITE_KEY}` },
  ]);
  const analytics = bench.open({ writeKey: WRITE_KEY, batchSize: 1 });
  analytics.track({ userId: 'u', event: 'first' });
  analytics.track({ userId: 'u', event: 'second' });
  analytics.flush(20_000);
  expect(bench.errors.map(({ code }) => code)).toEqual(['rejected', 'redirected']);
  const shown = [...bench.errors, analytics, analytics.stats()].map(
    (each) => inspect(each, { depth: 10, showHidden: true }) + JSON.stringify(each),
  );
  expect(shown.join('\n')).not.toContain(WRITE_KEY);
  expect(shown.join('\n')).not.toContain(encoded);
  expect(shown.join('\n')).toContain('no such key: [write key]');
});
