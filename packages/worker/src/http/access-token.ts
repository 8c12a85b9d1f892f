// OAuth settings -> access tokens of the token server, kept for as long as they are good. Used by authorize.ts. Next:
// exchange.ts.
//
// A token is renewed behind the first request after half its life, so that no batch waits for it and no timer wakes an
// idle client. Sources: https://www.twilio.com/docs/segment/connections/oauth, RFC 6749 section 4.4, RFC 7523 section 2.2.
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose/jwt/sign';
import { holdFor, httpDate } from '../delivery/retry.js';
import { MAX_REPLY_BYTES } from '../limits.js';
import type { OAuthSettings } from '../protocol.js';
import type { Authorization } from './authorization.js';
import { type Exchange, type Reply, type Response, SHOWN_LENGTH } from './exchange.js';

/** Seconds before now that an assertion is dated, for clocks that go a little wrong. */
const ISSUED_BEFORE_S = 5;

/** Seconds for which an assertion is good. The token server takes less than a minute in all. */
const GOOD_FOR_S = 50;

/** Milliseconds by which a clock is off that makes an assertion worth another try: `Date` says whole seconds. */
const CLOCK_OFF_MS = 2_000;

/** What the API says to a token that it doesn't take, or not for this source. 511 as analytics-node has it. */
const TOKEN_STATUSES: ReadonlySet<number> = new Set([401, 403, 511]);

interface Token {
  readonly type: 'token';
  readonly text: string;
  /** When it is over, on `performance.now()`. */
  readonly end: number;
  /** When it is to be renewed. */
  renewAt: number;
}

export class TokenSource {
  readonly #settings: OAuthSettings;
  readonly #userAgent: string;
  readonly #exchange: Exchange;
  #token: Token | undefined;
  #asking: Promise<Token | Response> | undefined;
  /** Milliseconds the token server's clock is before ours. */
  #clockOffset = 0;

  constructor(settings: OAuthSettings, userAgent: string, exchange: Exchange) {
    this.#settings = settings;
    this.#userAgent = userAgent;
    this.#exchange = exchange;
  }

  /** A pass; or, where the token server gives no token, its answer. */
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

  /** Gets the next token while the one that is kept is still good. Where it fails, again after half of what is left. */
  async #renew(kept: Token, signal: AbortSignal): Promise<void> {
    kept.renewAt = Number.POSITIVE_INFINITY;
    const answer = await this.#ask(signal);
    if (answer.type === 'token') return;
    const now = performance.now();
    const hold = answer.type === 'reply' ? (holdFor(answer, Date.now()) ?? 0) : 0;
    kept.renewAt = now + Math.max(hold, (kept.end - now) / 2);
  }

  /** Asks for a token, unless that is being done already. */
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

  /** Takes over the token server's clock; false where ours said the same already. */
  #setClock({ date }: { readonly date?: string }): boolean {
    const offset = httpDate(date) - Date.now();
    if (Number.isNaN(offset) || Math.abs(offset - this.#clockOffset) < CLOCK_OFF_MS) return false;
    this.#clockOffset = offset;
    return true;
  }
}

/** Whether the assertion may have been refused for its date. */
function isRefusal(response: Response): response is Reply {
  return response.type === 'reply' && (response.status === 400 || response.status === 401);
}

/** The token in a reply, from when it was asked for on; one that does not say how long it is good for, for ever. */
function readToken(reply: string, start: number): Token | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(reply);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || !('access_token' in parsed)) return undefined;
  const { access_token: text } = parsed;
  // What a header may hold. Source: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
  if (typeof text !== 'string' || !/^[\w.~+/-]+=*$/.test(text)) return undefined;
  const seconds = 'expires_in' in parsed ? Number(parsed.expires_in) : Number.NaN;
  const life = seconds > 0 ? seconds * 1_000 : Number.POSITIVE_INFINITY;
  return { type: 'token', text, end: start + life, renewAt: start + life / 2 };
}
