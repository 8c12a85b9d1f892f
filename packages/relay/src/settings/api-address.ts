// The address of the Tracking API that events are delivered to.
import { type Given, SettingsError } from './option.js';

const REGIONS = { us: 'https://api.segment.io', eu: 'https://events.eu1.segmentapis.com' } as const;

/** Returns the URL that batches are posted to. Accepts a bare host, and a URL with a trailing slash or `/v1`. */
export function apiUrl(given: Given): string {
  const host = given.find('api-host');
  const region = given.find('region');
  if (host !== undefined && region !== undefined)
    throw new SettingsError(`${host.label} and ${region.label} are two addresses; pass one of them`);
  if (host === undefined) return `${REGIONS[given.choice('region', ['us', 'eu'], 'us')]}/v1/batch`;
  const expected = `${host.label} must be a host or a URL like https://api.segment.io`;
  let url: URL;
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(host.text) ? host.text : `https://${host.text}`);
  } catch {
    throw new SettingsError(expected);
  }
  // Checked before any message that shows the address, because one of these may be a write key.
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new SettingsError(`${host.label} must not contain a user name, password, query or fragment`);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new SettingsError(expected);
  if (url.protocol === 'http:' && !isLoopback(url) && !given.allows('allow-insecure-api')) {
    throw new SettingsError(
      `${host.label} must use https:, because anyone on the network could read the write keys and events; pass --allow-insecure-api to allow http:`,
    );
  }
  const path = url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
  return `${url.origin}${path}/v1/batch`;
}

function isLoopback({ hostname }: URL): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
