// The settings of a source, which analytics.js requests from its CDN before it sends events.

/**
 * Returns settings that make analytics.js send to this server and to no other destination. `protocol` and `host` are
 * those with which the page reached it. If the paths have a prefix, it is part of `host`.
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
