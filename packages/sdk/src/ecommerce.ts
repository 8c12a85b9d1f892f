// The events of Segment's ecommerce spec as an event map for `new Analytics<EcommerceEvents>()`. Types only.
// Source: https://segment.com/docs/connections/spec/ecommerce/v2/

/**
 * A number, or a decimal of decimal.js, big.js, bignumber.js or Prisma. A decimal is sent as a string, without
 * rounding.
 */
export type Amount = number | { toJSON(): string; toFixed(places?: number): string };

/** Ids are strings in the spec. A bigint is sent as a string. */
type Ident = string | bigint;

/** The spec doesn't require any property. */
type Optional<Properties> = { readonly [Name in keyof Properties]?: Properties[Name] | undefined };

/** The properties of a product. */
export type Product = Optional<{
  product_id: Ident;
  sku: string;
  category: string;
  name: string;
  brand: string;
  variant: string;
  price: Amount;
  quantity: number;
  coupon: string;
  position: number;
  url: string;
  image_url: string;
}>;

type Products = { products: readonly Product[] };
type InCart = { cart_id: Ident };
type OnWishlist = { wishlist_id: Ident; wishlist_name: string };
type Sharing = { share_via: string; share_message: string; recipient: string };
type Promotion = Optional<{ promotion_id: Ident; creative: string; name: string; position: string }>;
type Step = { checkout_id: Ident; step: number; shipping_method: string; payment_method: string };
type Coupon = { order_id: Ident; cart_id: Ident; coupon_id: Ident };
type Choice = Optional<{ type: string; value: string }>;

/** The properties that all order events have in common. */
type Order = Products & {
  order_id: Ident;
  affiliation: string;
  revenue: Amount;
  shipping: Amount;
  tax: Amount;
  discount: Amount;
  coupon: string;
  /** ISO 4217, like `'USD'`. */
  currency: string;
};

/**
 * Event names and properties of the ecommerce spec, version 2. To add events of your own, extend the interface:
 *
 * `interface ShopEvents extends EcommerceEvents { 'Gift Wrapped': { paper: string } }`
 */
export interface EcommerceEvents {
  'Products Searched': Optional<{ query: string | object }>;
  'Product List Viewed': Optional<Products & { list_id: Ident; category: string }>;
  'Product List Filtered': Optional<
    Products & { list_id: Ident; category: string; filters: readonly Choice[]; sorts: readonly Choice[] }
  >;

  'Promotion Viewed': Promotion;
  'Promotion Clicked': Promotion;

  'Product Clicked': Product;
  'Product Viewed': Product & Optional<{ currency: string; value: Amount }>;
  'Product Added': Product & Optional<InCart>;
  'Product Removed': Product & Optional<InCart>;
  'Cart Viewed': Optional<InCart & Products>;
  'Checkout Started': Optional<Order & { value: Amount }>;
  'Checkout Step Viewed': Optional<Step>;
  'Checkout Step Completed': Optional<Step>;
  'Payment Info Entered': Optional<Step & { order_id: Ident }>;
  'Order Updated': Optional<Order & { total: Amount }>;
  'Order Completed': Optional<Order & { total: Amount; checkout_id: Ident; subtotal: Amount }>;
  'Order Refunded': Optional<Order & { total: Amount }>;
  'Order Cancelled': Optional<Order & { total: Amount }>;

  'Coupon Entered': Optional<Coupon>;
  'Coupon Applied': Optional<Coupon & { coupon_name: string; discount: Amount }>;
  'Coupon Denied': Optional<Coupon & { coupon_name: string; reason: string }>;
  'Coupon Removed': Optional<Coupon & { coupon_name: string; discount: Amount }>;

  'Product Added to Wishlist': Product & Optional<OnWishlist>;
  'Product Removed from Wishlist': Product & Optional<OnWishlist>;
  'Wishlist Product Added to Cart': Product & Optional<OnWishlist & InCart>;

  'Product Shared': Product & Optional<Sharing>;
  'Cart Shared': Optional<Sharing & InCart & Products>;

  'Product Reviewed': Optional<{ product_id: Ident; review_id: Ident; review_body: string; rating: string }>;
}
