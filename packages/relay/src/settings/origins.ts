// Who may send: the origins of web pages, and the proxies whose word about a client's address counts.
import { isIP } from 'node:net';
import type { AllowedOrigins } from '@offthread/tracking-api';
import { SettingsError } from './option.js';

type Found = { readonly text: string; readonly label: string } | undefined;

/** Returns the origins in a list, separated by commas or white space. Default: none. */
export function parseOrigins(found: Found): AllowedOrigins {
  if (found === undefined) return [];
  const names = listOf(found.text);
  if (names.includes('*')) return '*';
  return names.map((name) => {
    const url = URL.canParse(name) ? new URL(name) : undefined;
    if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:') || name !== url.origin) {
      const meant = url !== undefined && url.origin !== 'null' ? `; did you mean ${url.origin}?` : '';
      throw new SettingsError(
        `${found.label} must list origins like https://shop.example.com, or *, got '${name}'${meant}`,
      );
    }
    return name;
  });
}

const WORDS = ['loopback', 'linklocal', 'uniquelocal'];

/**
 * Returns the proxies that are trusted to say a client's address and protocol: a number of proxies in a row, or a list
 * of addresses and ranges. Default: none.
 */
export function parseProxies(found: Found): number | readonly string[] {
  if (found === undefined) return 0;
  if (/^\d{1,2}$/.test(found.text)) return Number(found.text);
  const names = listOf(found.text);
  const bad = names.find((name) => !(WORDS.includes(name) || isAddress(name)));
  if (bad === undefined && names.length > 0) return names;
  throw new SettingsError(
    `${found.label} must be the number of proxies in front of the relay, or their addresses like 10.0.0.0/8, got '${bad ?? found.text}'`,
  );
}

function isAddress(name: string): boolean {
  const [address = '', bits, ...rest] = name.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

function listOf(text: string): string[] {
  return text.split(/[,\s]+/).filter((each) => each !== '');
}
