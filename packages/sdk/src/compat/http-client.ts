// The types of a custom HTTP client of analytics-node, which the drop-in refuses. Used by compat-settings.ts.

/** A function like `fetch`. */
export type HTTPFetchFn = (url: string, request: HTTPFetchRequest) => Promise<HTTPResponse>;

export interface HTTPFetchRequest {
  headers: Record<string, string>;
  body: string;
  method: HTTPClientRequest['method'];
  // biome-ignore lint/suspicious/noExplicitAny: so that any implementation of fetch is assignable.
  signal: any;
}

export interface HTTPResponse {
  // biome-ignore lint/suspicious/noExplicitAny: so that the headers of any HTTP client are assignable.
  headers?: any;
  text?: () => Promise<string>;
  status: number;
  statusText: string;
}

export interface HTTPClientRequest {
  url: string;
  method: 'POST';
  headers: Record<string, string>;
  body: string;
  /** Milliseconds. */
  httpRequestTimeout: number;
}

export interface HTTPClient {
  makeRequest(options: HTTPClientRequest): Promise<HTTPResponse>;
}

/** The HTTP client of analytics-node. One without a function of your own may be passed as `httpClient`. */
export class FetchHTTPClient implements HTTPClient {
  readonly #fetch: HTTPFetchFn;

  constructor(fetchFn: HTTPFetchFn = globalThis.fetch) {
    this.#fetch = fetchFn;
  }

  async makeRequest({ url, httpRequestTimeout, ...request }: HTTPClientRequest): Promise<HTTPResponse> {
    return this.#fetch(url, { ...request, signal: AbortSignal.timeout(httpRequestTimeout) });
  }

  /** Whether it does what any request of the SDK does. */
  static isDefault(client: unknown): boolean {
    if (client === undefined || client === globalThis.fetch) return true;
    return client instanceof FetchHTTPClient && client.#fetch === globalThis.fetch;
  }
}
