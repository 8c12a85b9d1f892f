// Headers that belong to one connection or to the encoding of one body. Used by replay.ts and, on the page, by curl.ts.

/** A request that is sent again leaves these out: its own connection sets them, and its body is sent decompressed. */
export const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
