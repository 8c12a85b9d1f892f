// One call of each method of a Segment client, for tests of other vendors' clients.

/** The arguments of the calls, by type of event. */
export const CALLS = {
  identify: { userId: 'u1', traits: { plan: 'Free' } },
  track: { userId: 'u1', event: 'Item Purchased', properties: { price: 39.95 } },
  page: { userId: 'u1', name: 'Pricing', properties: { url: 'https://shop.test/pricing' } },
  screen: { anonymousId: 'a1', name: 'Home', properties: {} },
  group: { userId: 'u1', groupId: 'g1', traits: { employees: 5 } },
  alias: { userId: 'u1', previousId: 'a1' },
};

type Calls = typeof CALLS;

/** What the clients have in common. */
type Client = { [Type in keyof Calls]: (params: Calls[Type]) => unknown };

/** Calls each method once, in the order of `CALLS`. */
export function callAll(client: Client): void {
  client.identify(CALLS.identify);
  client.track(CALLS.track);
  client.page(CALLS.page);
  client.screen(CALLS.screen);
  client.group(CALLS.group);
  client.alias(CALLS.alias);
}
