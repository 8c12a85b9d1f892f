// Creates the event that a shop's Fastify handler would track. Used by every scenario.

/** About 550 bytes as JSON, nested, and a new object each time, so that nothing can be cached between calls. */
export function eventOf(n) {
  return {
    userId: `user-${n % 50_000}`,
    event: 'Order Completed',
    properties: {
      orderId: `order-${n}`,
      total: 129.9 + (n % 100),
      currency: 'EUR',
      coupon: null,
      returning: n % 3 === 0,
      shipping: { method: 'standard', city: 'Zürich', country: 'CH' },
      products: [
        { sku: 'SKU-10017', name: 'Trail shoe, blue, 42', price: 89.95, quantity: 1 },
        { sku: `SKU-${20_000 + (n % 900)}`, name: 'Running socks', price: 19.95, quantity: 2 },
      ],
    },
    context: {
      ip: '203.0.113.24',
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
      page: { path: '/checkout/done', referrer: 'https://shop.example/cart' },
    },
  };
}
