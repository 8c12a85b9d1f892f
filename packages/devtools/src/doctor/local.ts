// In: this process and the options. Out: checks that need no network. Next: network.ts.
import { type Check, failed, ok, warning } from './check.js';

/** As `engines` in package.json says it. */
const OLDEST_NODE = [20, 19] as const;

/** What the keys of Segment look like: 32 letters and digits. */
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

/** Whether the write key can be one. It is shown nowhere, not even in part. */
export function checkWriteKey(key: string | undefined, url: URL | undefined): Check {
  const name = 'write-key';
  if (key === undefined || key.trim() === '') {
    return failed(name, 'there is none', 'Set OFFTHREAD_WRITE_KEY, or pass --write-key.');
  }
  if (/[^\x21-\x7e]|^['"]|['"]$/.test(key)) {
    const remedy = 'Copy it anew from the settings of the source, without quotes, blanks and line ends.';
    return failed(name, 'has characters in it that no write key has', remedy);
  }
  const isOfSegment = url !== undefined && url.hostname in REGIONS;
  if (isOfSegment && !SEGMENT_KEY.test(key)) {
    const remedy = 'Copy it anew from Settings, API Keys of the source. The API answers 200 to any key.';
    return warning(name, 'is not the 32 letters and digits that those of Segment are', remedy);
  }
  return ok(name, 'present and plausible');
}

/** A wrong region is the one mistake that no reply tells. */
export function checkRegion({ hostname, protocol }: URL): Check {
  const region = REGIONS[hostname];
  if (region === undefined) return ok('region', `an address of your own, ${hostname}`);
  const other = hostname === 'api.segment.io' ? '--region eu' : '--region us';
  const advice = `if Workspace Settings, Regional Settings says otherwise, use ${other}: data sent to the wrong one vanishes`;
  return ok('region', `${region}; ${advice}`, { region: region.slice(0, 2), protocol });
}
