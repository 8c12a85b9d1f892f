// The settings of a source, as analytics.js asks its CDN for them before it sends.

/**
 * Settings that make analytics.js send to this server and to no other destination. `protocol` and `host` are those by which
 * the page reached it. The prefix of the paths, if there is one, is part of `host`.
 */
export function projectSettings(writeKey: string, protocol: string, host: string): object {
  return {
    integrations: {
      'Segment.io': {
        apiKey: writeKey,
        apiHost: `${host}/v1`,
        protocol,
        deliveryStrategy: { strategy: 'standard' },
      },
    },
    plan: { track: { __default: { enabled: true, integrations: {} } } },
    edgeFunction: {},
    analyticsNextEnabled: true,
    enabledMiddleware: {},
    metrics: { sampleRate: 0 },
    legacyVideoPluginsEnabled: false,
    remotePlugins: [],
  };
}
