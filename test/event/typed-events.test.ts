// Event maps as the compiler sees them: `tsc -p test` fails if a line marked @ts-expect-error compiles. Also that they
// have no effect at run time.
import { Analytics, type TrackEvent } from '@offthread/sdk';
import type { Amount, EcommerceEvents, Product } from '@offthread/sdk/ecommerce';
import type { FastifyAnalyticsOptions, RequestAnalytics } from '@offthread/sdk/fastify';
import { createTestAnalytics } from '@offthread/sdk/testing';
import { Decimal } from 'decimal.js';
import { describe, expect, expectTypeOf, test } from 'vitest';

interface ShopEvents {
  'Order Completed': { revenue: number; currency?: string };
  'Cart Viewed': { items?: number };
}

describe('a map of events', () => {
  const typed = createTestAnalytics<ShopEvents>();

  test('accepts its names with their properties', () => {
    typed.reset();
    typed.track({ userId: 'u', event: 'Order Completed', properties: { revenue: 39.95 } });
    typed.track({ anonymousId: 'a', event: 'Cart Viewed', properties: { items: 1 }, timestamp: 0 });
    typed.track({ userId: 'u', event: 'Cart Viewed' });
    typed.track({ userId: 'u', event: 'Cart Viewed', properties: null });
    expect(typed.tracks.map(({ event }) => event)).toEqual([
      'Order Completed',
      ...['Cart Viewed', 'Cart Viewed', 'Cart Viewed'],
    ]);
  });

  test('makes another name, type or field a compile error, with no effect at run time', () => {
    // @ts-expect-error a name that isn't in the map
    expect(typed.track({ userId: 'u', event: 'Order Complete', properties: { revenue: 1 } })).toBe(true);
    // @ts-expect-error a property of another type
    expect(typed.track({ userId: 'u', event: 'Order Completed', properties: { revenue: '1' } })).toBe(true);
    // @ts-expect-error a property that the event does not have
    expect(typed.track({ userId: 'u', event: 'Cart Viewed', properties: { revenue: 1 } })).toBe(true);
    // @ts-expect-error missing properties
    expect(typed.track({ userId: 'u', event: 'Order Completed' })).toBe(true);
    // @ts-expect-error null instead of properties
    expect(typed.track({ userId: 'u', event: 'Order Completed', properties: null })).toBe(true);
    const name: string = 'Cart Viewed';
    // @ts-expect-error an arbitrary string
    expect(typed.track({ userId: 'u', event: name })).toBe(true);
  });

  test('leaves the user ids and the common fields as they are', () => {
    // @ts-expect-error no user
    expect(() => typed.track({ event: 'Cart Viewed' })).toThrow('userId');
    // @ts-expect-error no such field
    expect(() => typed.track({ userId: 'u', event: 'Cart Viewed', propertys: {} })).toThrow('propertys');
  });

  test('may be written as a type and inline', () => {
    type Events = { Ping: { ms: bigint } };
    expectTypeOf<TrackEvent<Events>['event']>().toEqualTypeOf<'Ping'>();
    expectTypeOf(new Analytics<{ Ping: { ms: bigint } }>({ writeKey: 'KEY' })).toEqualTypeOf<
      Analytics<Events>
    >();
  });

  test('must map names to objects', () => {
    // @ts-expect-error a property isn't a map of properties
    expectTypeOf<Analytics<{ Ping: number }>>().not.toBeNever();
  });

  test('can be passed where any client is accepted', () => {
    const take = (analytics: Analytics): Analytics => analytics;
    expect(take(typed)).toBe(typed);
    expectTypeOf<Analytics<ShopEvents>>().toExtend<Analytics>();
    expectTypeOf<Analytics<{ Ping: { ms: bigint } }>>().toExtend<Analytics>();
    expectTypeOf<Analytics<{ Ping: { ms: bigint } }>>().not.toExtend<Analytics<ShopEvents>>();
    expectTypeOf<RequestAnalytics<ShopEvents>>().toExtend<RequestAnalytics>();
    expectTypeOf<{ client: Analytics<ShopEvents> }>().toExtend<FastifyAnalyticsOptions>();
  });

  test('applies to Fastify requests, where the user ids are optional', () => {
    type Track = RequestAnalytics<ShopEvents>['track'];
    type Event = Parameters<Track>[0];
    expectTypeOf<{ event: 'Cart Viewed' }>().toExtend<Event>();
    expectTypeOf<{ event: 'Order Completed'; properties: { revenue: number } }>().toExtend<Event>();
    expectTypeOf<{ event: 'Order Completed' }>().not.toExtend<Event>();
    expectTypeOf<{ event: 'Order Complete' }>().not.toExtend<Event>();
    expectTypeOf<{ event: 'Order Completed'; properties: { revenue: string } }>().not.toExtend<Event>();
  });
});

describe('without a map', () => {
  test('any name and any properties are accepted', () => {
    const analytics = createTestAnalytics();
    expectTypeOf(new Analytics({ writeKey: 'KEY' })).toEqualTypeOf<Analytics>();
    expectTypeOf<TrackEvent['event']>().toEqualTypeOf<string>();
    const properties: object = { any: 1 };
    analytics.track({ userId: 'u', event: String('anything'), properties });
    analytics.track({ userId: 'u', event: 'anything' });
    // @ts-expect-error properties are an object
    expect(() => analytics.track({ userId: 'u', event: 'e', properties: 'x' })).toThrow('properties');
    expect(analytics.tracks).toHaveLength(2);
  });
});

describe("Segment's ecommerce events", () => {
  interface GiftEvents extends EcommerceEvents {
    'Gift Wrapped': { paper: string };
  }
  const shop = createTestAnalytics<GiftEvents>();

  test('accept the properties of the spec, including decimals', () => {
    const products: Product[] = [{ product_id: 507n, sku: 'G-32', price: new Decimal('18.99'), quantity: 1 }];
    const order = { order_id: '50314b8e', total: new Decimal('20.99'), tax: 2, currency: 'USD' };
    shop.track({
      userId: 'u',
      event: 'Product Viewed',
      properties: { sku: 'G-32', currency: 'USD', value: 1 },
    });
    shop.track({ userId: 'u', event: 'Cart Viewed', properties: { cart_id: 'c', products } });
    shop.track({
      userId: 'u',
      event: 'Order Completed',
      properties: { ...order, subtotal: 18.99, products },
    });
    shop.track({ userId: 'u', event: 'Order Refunded', properties: order });
    shop.track({ userId: 'u', event: 'Gift Wrapped', properties: { paper: 'red' } });
    expect(shop.tracks.map(({ properties }) => properties?.['total'])).toEqual([
      ...[undefined, undefined, '20.99', '20.99', undefined],
    ]);
    expectTypeOf<'39.95'>().not.toExtend<Amount>();
    expectTypeOf<Date>().not.toExtend<Amount>();
  });

  test('make a name or type that differs from the spec a compile error', () => {
    // @ts-expect-error the name of the first version of the spec
    shop.track({ userId: 'u', event: 'Completed Order', properties: { total: 1 } });
    // @ts-expect-error the name of a field in another style
    shop.track({ userId: 'u', event: 'Order Completed', properties: { orderId: 'o' } });
    // @ts-expect-error an amount as text
    shop.track({ userId: 'u', event: 'Order Completed', properties: { total: '39.95' } });
    // @ts-expect-error the field of a product in another style
    shop.track({ userId: 'u', event: 'Cart Viewed', properties: { products: [{ productId: 'p' }] } });
    expect(shop.events.length).toBeGreaterThan(0);
  });
});
