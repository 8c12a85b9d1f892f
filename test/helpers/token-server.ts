// A token server in its own thread, which also guards a local Tracking API.
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { OAuth } from '@offthread/sdk';

export const CLIENT_ID = 'app-2VbK9';

/** A request for a token. */
export interface TokenRequest {
  readonly header: { readonly alg: string; readonly typ: string; readonly kid: string };
  readonly claims: Readonly<Record<'iss' | 'sub' | 'aud' | 'jti', string> & Record<'iat' | 'exp', number>>;
  readonly scope: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The status of the reply, or 0 if there was none. */
  readonly status: number;
}

/** A reply instead of the server's own. ASSERTION in its body is replaced by the assertion. */
type Scripted =
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  /** Send the server's own reply after that many milliseconds. */
  | { readonly wait: number }
  | { readonly drop: true }
  | { readonly hang: true };

export interface Manner {
  script?: readonly Scripted[];
  /** Lifetime of tokens in seconds; null leaves it out of the reply. */
  life?: number | null;
  /** Milliseconds by which the server's clock is ahead. */
  ahead?: number;
  /** Its address as clients know it, if different. */
  audience?: string;
  /** The public keys that it accepts, by id. */
  keys?: Readonly<Record<string, string>>;
}

export interface KeyPair {
  /** Private key as PEM. */
  readonly secret: string;
  /** Public key as PEM. */
  readonly open: string;
}

export function makeKey(modulusLength = 2_048): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength });
  return {
    secret: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    open: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** A running token server. It accepts two keys, `key-1` and `key-2`. */
export class TokenServer {
  /** The URL that gives tokens and guards the API. */
  readonly url: string;
  readonly keys: Readonly<Record<'key-1' | 'key-2', KeyPair>>;
  readonly #thread: Worker;

  constructor(thread: Worker, url: string, keys: TokenServer['keys']) {
    this.#thread = thread;
    this.url = url;
    this.keys = keys;
  }

  static async start(api: string): Promise<TokenServer> {
    const keys = { 'key-1': makeKey(), 'key-2': makeKey() };
    const known = { 'key-1': keys['key-1'].open, 'key-2': keys['key-2'].open };
    const thread = new Worker(new URL('../fixtures/token-server.mjs', import.meta.url), {
      workerData: { clientId: CLIENT_ID, keys: known, api },
      execArgv: [],
      env: {},
    });
    const [{ url }] = await once(thread, 'message');
    return new TokenServer(thread, url, keys);
  }

  /** The `oauth` setting for a client of this server. */
  oauth(keyId: 'key-1' | 'key-2' = 'key-1'): OAuth {
    return { clientId: CLIENT_ID, clientKey: this.keys[keyId].secret, keyId, authServer: this.url };
  }

  /** Resets the server. */
  async reset(): Promise<void> {
    await this.#call('reset');
  }

  async behave(manner: Manner): Promise<void> {
    await this.#call('set', manner);
  }

  /** Revokes all tokens given so far. */
  async revoke(): Promise<void> {
    await this.#call('revoke');
  }

  /** The requests for tokens, oldest first. */
  async tokenRequests(): Promise<TokenRequest[]> {
    return this.#call('tokenRequests');
  }

  /** All tokens that aren't revoked. */
  async tokens(): Promise<string[]> {
    return this.#call('tokens');
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  /** Calls run one after the other. */
  async #call<T>(name: string, argument?: unknown): Promise<T> {
    this.#thread.postMessage({ name, argument });
    const [{ result }] = await once(this.#thread, 'message', { signal: AbortSignal.timeout(20_000) });
    return result;
  }
}
