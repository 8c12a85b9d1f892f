// Gets access tokens from the OAuth token server and caches them until they expire. Used by authorize.ts. Next:
// exchange.ts.
//
// A token is renewed in the background of the first request after half its lifetime, so that no batch waits for it and
// no timer wakes an idle client. Sources: https://www.twilio.com/docs/segment/connections/oauth, RFC 6749 section 4.4,
// RFC 7523 section 2.2.
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose/jwt/sign';

import { MAX_REPLY_BYTES } from '../limits.js';
import type { OAuthSettings } from '../protocol.js';
import type { Authorization } from './authorization.js';
import type { Exchange } from './exchange.js';
import { type Reply, type Response, SHOWN_LENGTH } from './response.js';
import { holdFor, httpDate } from './retry-after.js';

/** Seconds by which assertions are backdated, in case a clock is slightly off. */
const ISSUED_BEFORE_S = 5;

/** Lifetime of an assertion in seconds. The token server accepts less than a minute in all. */
const GOOD_FOR_S = 50;

/** Smallest clock difference, in milliseconds, that is worth another try. The `Date` header has whole seconds. */
const CLOCK_OFF_MS = 2_000;

/**
 * Statuses with which the API refuses a token, or a token for this source. analytics-node also treats 511 like this.
 */
const TOKEN_STATUSES: ReadonlySet<number> = new Set([401, 403, 511]);

interface Token {
  readonly type: 'token';
  readonly text: string;
  /** When it expires, on `performance.now()`. */
  readonly end: number;
  /** When to renew it. */
  renewAt: number;
}

export class TokenSource {
  readonly #settings: OAuthSettings;
  readonly #userAgent: string;
  readonly #exchange: Exchange;
  #token: Token | undefined;
  #asking: Promise<Token | Response> | undefined;
  /** Milliseconds by which the token server's clock is ahead of ours. */
  #clockOffset = 0;

  constructor(settings: OAuthSettings, userAgent: string, exchange: Exchange) {
    this.#settings = settings;
    this.#userAgent = userAgent;
    this.#exchange = exchange;
  }

  /** Returns the authorization for a request, or the token server's answer if it gives no token. */
  async authorize(signal: AbortSignal): Promise<Authorization | Response> {
    const kept = this.#token;
    const now = performance.now();
    if (kept === undefined || now >= kept.end) {
      const answer = await this.#ask(signal);
      return answer.type === 'token' ? this.#authorization(answer, true) : answer;
    }
    if (now >= kept.renewAt) void this.#renew(kept, signal);
    return this.#authorization(kept, false);
  }

  #authorization(token: Token, isNew: boolean): Authorization {
    return {
      type: 'authorized',
      header: `Bearer ${token.text}`,
      check: (response) => {
        if (response.type !== 'reply' || !TOKEN_STATUSES.has(response.status)) return response;
        if (this.#token === token) this.#token = undefined;
        return isNew ? { ...response, unauthorized: true } : { ...response, stale: true };
      },
    };
  }

  /**
   * Gets the next token while the current one is still valid. If that fails, tries again after half of the remaining
   * time.
   */
  async #renew(kept: Token, signal: AbortSignal): Promise<void> {
    kept.renewAt = Number.POSITIVE_INFINITY;
    const answer = await this.#ask(signal);
    if (answer.type === 'token') return;
    const now = performance.now();
    const hold = answer.type === 'reply' ? (holdFor(answer, Date.now()) ?? 0) : 0;
    kept.renewAt = now + Math.max(hold, (kept.end - now) / 2);
  }

  /** Requests a token, unless a request is already in flight. */
  #ask(signal: AbortSignal): Promise<Token | Response> {
    this.#asking ??= this.#request(signal).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #request(signal: AbortSignal): Promise<Token | Response> {
    const start = performance.now();
    let response = await this.#send(signal);
    if (isRefusal(response) && this.#setClock(response)) response = await this.#send(signal);
    if (response.type !== 'reply') return { ...response, message: `The token server: ${response.message}` };
    const { status, text } = response;
    if (status < 200 || status > 299) {
      return { ...response, from: 'token server', text: text.slice(0, SHOWN_LENGTH) };
    }
    const token = readToken(text, start);
    if (token === undefined) {
      return { type: 'fault', message: `The token server answered ${status} without a token` };
    }
    this.#token = token;
    return token;
  }

  async #send(signal: AbortSignal): Promise<Response> {
    const assertion = await this.#sign();
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
      scope: this.#settings.scope,
    });
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
      'user-agent': this.#userAgent,
    };
    const request = { headers, body: body.toString(), secret: assertion, maxText: MAX_REPLY_BYTES };
    return this.#exchange(request, signal);
  }

  #sign(): Promise<string> {
    const { authServer, clientId, keyId, clientKey } = this.#settings;
    const now = Math.floor((Date.now() + this.#clockOffset) / 1_000);
    return new SignJWT()
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: keyId })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(authServer)
      .setIssuedAt(now - ISSUED_BEFORE_S)
      .setExpirationTime(now + GOOD_FOR_S)
      .setJti(randomUUID())
      .sign(clientKey);
  }

  /** Adopts the token server's clock. Returns false if ours already agreed with it. */
  #setClock({ date }: { readonly date?: string }): boolean {
    const offset = httpDate(date) - Date.now();
    if (Number.isNaN(offset) || Math.abs(offset - this.#clockOffset) < CLOCK_OFF_MS) return false;
    this.#clockOffset = offset;
    return true;
  }
}

/** Whether the assertion may have been refused because of its date. */
function isRefusal(response: Response): response is Reply {
  return response.type === 'reply' && (response.status === 400 || response.status === 401);
}

/** Reads the token in a reply. Its lifetime begins at `start`; without `expires_in` it never expires. */
function readToken(reply: string, start: number): Token | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(reply);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || !('access_token' in parsed)) return undefined;
  const { access_token: text } = parsed;
  // The characters that a header may contain. Source: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
  if (typeof text !== 'string' || !/^[\w.~+/-]+=*$/.test(text)) return undefined;
  const seconds = 'expires_in' in parsed ? Number(parsed.expires_in) : Number.NaN;
  const life = seconds > 0 ? seconds * 1_000 : Number.POSITIVE_INFINITY;
  return { type: 'token', text, end: start + life, renewAt: start + life / 2 };
}
