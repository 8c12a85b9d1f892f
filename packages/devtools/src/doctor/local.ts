// Checks that need no network.
import { type Check, failed, ok, warning } from './check.js';

/** The same as `engines` in package.json. */
const OLDEST_NODE = [20, 19] as const;

/** The form of a write key of Segment: 32 letters and digits. */
const SEGMENT_KEY = /^[A-Za-z0-9]{32}$/;

const REGIONS: Readonly<Record<string, string>> = {
  'api.segment.io': 'us (Oregon)',
  'events.eu1.segmentapis.com': 'eu (Dublin)',
};

export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  const isOldEnough = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
  return isOldEnough
    ? ok('node', `Node.js ${version}`, { version })
    : failed('node', `Node.js ${version}`, `Use Node.js ${OLDEST_NODE.join('.')} or newer.`);
}

/** Whether the write key has the right form. No part of it is ever shown. */
export function checkWriteKey(key: string | undefined, url: URL | undefined): Check {
  const name = 'write-key';
  if (key === undefined || key.trim() === '') {
    return failed(name, 'missing', 'Set OFFTHREAD_WRITE_KEY, or pass --write-key.');
  }
  if (/[^\x21-\x7e]|^['"]|['"]$/.test(key)) {
    const remedy = 'Copy it again from the settings of the source, without quotes, spaces or line breaks.';
    return failed(name, 'contains characters that no write key has', remedy);
  }
  const isOfSegment = url !== undefined && url.hostname in REGIONS;
  if (isOfSegment && !SEGMENT_KEY.test(key)) {
    const remedy = 'Copy it again from Settings > API Keys of the source. The API answers 200 to any key.';
    return warning(name, 'is not 32 letters and digits, as write keys of Segment are', remedy);
  }
  return ok(name, 'present and plausible');
}

/** The API answers 200 in the wrong region too, so this can only point out the setting. */
export function checkRegion({ hostname, protocol }: URL): Check {
  const region = REGIONS[hostname];
  if (region === undefined) return ok('region', `${hostname} is not an address of Segment`);
  const other = hostname === 'api.segment.io' ? '--region eu' : '--region us';
  const advice = `if Workspace Settings > Regional Settings says otherwise, use ${other}: the wrong region loses data`;
  return ok('region', `${region}; ${advice}`, { region: region.slice(0, 2), protocol });
}
